/** /v1/sessions: the pairs being carried. */
import { z } from "zod";
import { countSchema, nameSchema, roleSchema, routeNamesSchema, timeSchema, transportSchema } from "./scalars.ts";

export const endSchema = z
  .object({
    name: nameSchema.nullable().describe("verified; null behind a plain listener"),
    address: z.string().describe("host:port that the end dialled from"),
    transport: transportSchema,
    role: roleSchema,
    bytesSent: countSchema.describe("by this end, relayed so far"),
  })
  .meta({ id: "End" });
export type End = z.infer<typeof endSchema>;

export const sessionSchema = z
  .object({
    id: z.string(),
    route: routeNamesSchema,
    channel: z.string(),
    startedAt: timeSchema,
    ends: z.tuple([endSchema, endSchema]),
  })
  .meta({ id: "Session" });
export type Session = z.infer<typeof sessionSchema>;

export const sessionListSchema = z.object({ sessions: z.array(sessionSchema) }).meta({ id: "SessionList" });
export type SessionList = z.infer<typeof sessionListSchema>;

/** Path of GET and DELETE /v1/sessions/{id}. */
export const sessionPathSchema = z.object({ id: z.string() });
export type SessionPath = z.infer<typeof sessionPathSchema>;

export const killedSessionSchema = z.object({ id: z.string() }).meta({ id: "KilledSession" });
export type KilledSession = z.infer<typeof killedSessionSchema>;
