/** POST /v1/drain: stop admitting, let sessions end until a deadline, then stop. */
import { z } from "zod";
import { countSchema, timeSchema } from "./scalars.ts";

export const drainSchema = z
  .object({
    startedAt: timeSchema,
    deadline: timeSchema.describe("sessions that are left then are reset"),
  })
  .meta({ id: "Drain" });
export type Drain = z.infer<typeof drainSchema>;

/** A week: what is meant to take longer is no drain. */
const LONGEST_S = 7 * 24 * 3600;

export const startDrainSchema = z
  .strictObject({
    timeout: z
      .number()
      .min(0)
      .max(LONGEST_S)
      .optional()
      .describe("seconds that sessions may go on from now; default: drain.timeout of the configuration"),
  })
  .meta({ id: "StartDrain" });
export type StartDrain = z.infer<typeof startDrainSchema>;

/** It has begun: nobody is admitted any more. Once the sessions have ended, relayd exits, and with 0. */
export const startedDrainSchema = z
  .object({ drain: drainSchema, sessions: countSchema.describe("under way still") })
  .meta({ id: "StartedDrain" });
export type StartedDrain = z.infer<typeof startedDrainSchema>;
