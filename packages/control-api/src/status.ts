/** GET /v1/status: the daemon at a glance. */
import { z } from "zod";
import { clusterStateSchema } from "./cluster.ts";
import { drainSchema } from "./drain.ts";
import { reloadReportSchema } from "./reload.ts";
import {
  countSchema,
  listenerStateSchema,
  portSchema,
  protocolSchema,
  routeNamesSchema,
  timeSchema,
} from "./scalars.ts";

export const listenerSchema = z
  .object({
    name: z.enum(["shared", "route"]),
    route: routeNamesSchema.nullable().describe("null for the shared listener"),
    protocol: protocolSchema,
    host: z.string(),
    port: portSchema,
    state: listenerStateSchema,
    error: z.string().nullable(),
  })
  .meta({ id: "Listener" });
export type Listener = z.infer<typeof listenerSchema>;

export const certificateStatusSchema = z
  .object({
    use: z.enum(["relay", "ca", "crl"]),
    file: z.string(),
    subject: z.string(),
    notAfter: timeSchema.describe("of a CRL: its nextUpdate"),
    daysLeft: z.number().describe("negative once it has expired"),
    warning: z.string().nullable(),
  })
  .meta({ id: "CertificateStatus" });
export type CertificateStatus = z.infer<typeof certificateStatusSchema>;

const usageSchema = z
  .object({ used: countSchema, limit: countSchema })
  .meta({ id: "Usage", description: "how much there is just now, and how much there may be" });

export const statusSchema = z
  .object({
    version: z.string(),
    pid: z.int().min(1),
    state: z.enum(["running", "draining"]),
    drain: drainSchema.nullable().describe("null unless it is draining"),
    startedAt: timeSchema,
    uptimeSeconds: z.number().min(0),
    config: z.string().describe("path of the configuration file"),
    listeners: z.array(listenerSchema),
    routes: z.object({ static: countSchema, dynamic: countSchema }),
    parked: countSchema,
    sessions: z.object({ live: countSchema, total: countSchema.describe("since the daemon started") }),
    limits: z.object({
      connections: usageSchema.describe("on their way in, parked, and two for each session"),
      handshakes: usageSchema.describe("connections on their way in"),
      sessions: usageSchema,
    }),
    admitted: countSchema.describe("since the daemon started"),
    refused: z.record(z.string(), countSchema).describe("since the daemon started, by reason"),
    bytes: countSchema.describe("relayed in all, both directions"),
    splice: z.enum(["stream", "kernel"]).describe("how raw sessions are carried"),
    cluster: clusterStateSchema.nullable().describe("null: this relay is on its own"),
    certificates: z.array(certificateStatusSchema),
    reload: reloadReportSchema,
  })
  .meta({ id: "Status" });
export type Status = z.infer<typeof statusSchema>;
