/** GET /v1/parked: the admitted that wait for their peers. */
import { z } from "zod";
import { nameSchema, roleSchema, routeNamesSchema, timeSchema, transportSchema } from "./scalars.ts";

export const parkedSchema = z
  .object({
    id: z.string(),
    name: nameSchema.nullable().describe("verified; null behind a plain listener"),
    peer: nameSchema.nullable().describe("whom it waits for; null behind a plain listener"),
    route: routeNamesSchema,
    channel: z.string(),
    transport: transportSchema,
    role: roleSchema.nullable().describe("the one that it asked for; null if it leaves that to the relay"),
    address: z.string().describe("host:port that it dialled from"),
    parkedAt: timeSchema,
    deadline: timeSchema,
  })
  .meta({ id: "Parked" });
export type Parked = z.infer<typeof parkedSchema>;

export const parkedListSchema = z.object({ parked: z.array(parkedSchema) }).meta({ id: "ParkedList" });
export type ParkedList = z.infer<typeof parkedListSchema>;
