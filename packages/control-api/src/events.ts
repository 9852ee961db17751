/** GET /v1/events: one JSON object a line (application/x-ndjson), for as long as the client listens. */
import { z } from "zod";
import { timeSchema } from "./scalars.ts";

/** What an event says beyond this depends on its kind: one of EVENT_KINDS, or STREAM_ENDED. */
export const eventSchema = z.looseObject({ time: timeSchema, event: z.string() }).meta({ id: "Event" });
export type ControlEvent = z.infer<typeof eventSchema>;
