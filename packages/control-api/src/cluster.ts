/** GET /v1/cluster: the relays that pair one another's functions. */
import { z } from "zod";
import { countSchema, timeSchema } from "./scalars.ts";

/** How a hop that this relay made to another one ended: "met", or why it came to nothing. */
export const HOP_OUTCOMES = ["met", "lapsed", "unreachable", "not_verified", "refused", "timed_out", "broken"] as const;

/** This relay's part in its cluster, as `status` has it. */
export const clusterStateSchema = z
  .object({
    name: z.string(),
    id: z.string().describe("of this relay; anew at each start"),
    nats: z.enum(["connected", "away"]).describe("away: only functions at the same relay meet"),
    routesAge: z.number().min(0).describe("seconds since all routes were last read"),
    seeking: countSchema.describe("parked here, their peers sought at other relays"),
    granted: countSchema.describe("parked here, promised to another relay that has yet to come"),
    hops: z
      .record(z.enum(HOP_OUTCOMES), countSchema)
      .describe("hops that it made to other relays since it started, by how they ended"),
  })
  .meta({ id: "ClusterState" });
export type ClusterState = z.infer<typeof clusterStateSchema>;

export const clusterRelaySchema = z
  .object({
    id: z.string(),
    address: z.string().describe("host:port at which the other relays dial it"),
    version: z.string(),
    state: z.enum(["running", "draining"]),
    startedAt: timeSchema,
    parked: countSchema,
    sessions: countSchema,
    routes: countSchema,
    routesAge: z.number().min(0).describe("seconds since it last read all routes"),
  })
  .meta({ id: "ClusterRelay" });
export type ClusterRelay = z.infer<typeof clusterRelaySchema>;

export const clusterSchema = z
  .object({ cluster: clusterStateSchema, relays: z.array(clusterRelaySchema).describe("this one first") })
  .meta({ id: "Cluster" });
export type Cluster = z.infer<typeof clusterSchema>;
