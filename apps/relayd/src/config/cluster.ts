/** What the configuration says of a cluster: several relays that pair one another's functions, by way of NATS. */
import { z } from "zod";
import { hostPort, missing, path, shown, text } from "./scalars.ts";
import { section } from "./section.ts";

/** Part of every subject and of the bucket's name. */
const clusterName = text("a name such as prod")
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, {
    error: ({ input }) => `${shown(input)} will not do; write up to 32 letters, digits, - and _`,
  })
  .meta({ title: "name" });

const server = text("a URL such as nats://127.0.0.1:4222")
  .regex(/^(nats|tls):\/\/[^/\s]+$/, {
    error: ({ input }) => `${shown(input)} is no address of NATS; write nats://host:4222, or tls://host:4222`,
  })
  .meta({ title: "URLs" });

const servers = z
  .array(server, {
    error: ({ input }) =>
      input === undefined ? missing("servers: [nats://127.0.0.1:4222]") : `is ${shown(input)}; write a list of URLs`,
  })
  .min(1, { error: "is empty; name at least one server" });

const replicas = z.literal([1, 3, 5], {
  error: ({ input }) => `is ${shown(input)}; write 1, 3 or 5, as many as there are NATS servers at most`,
});

export const cluster = section("cluster: { name, nats, advertise, peerListen, tls }", {
  name: clusterName.describe("relays with the same name, at the same NATS, are one cluster"),
  nats: section("nats: { servers: [nats://127.0.0.1:4222] }", {
    servers: servers.describe("NATS servers, with JetStream; any of them will do"),
    ca: path.optional().describe("the CAs of NATS's certificate, in PEM; default: those of the system"),
    cert: path.optional().describe("a certificate for NATS to verify, in PEM; default: none is sent"),
    key: path.optional().describe("that certificate's key, in PEM; default: none"),
    credentials: path.optional().describe("a NATS credentials file; default: none"),
    replicas: replicas.prefault(1).describe("how many NATS servers hold the routes"),
  }).describe("where the relays of the cluster find one another"),
  advertise: hostPort.describe("where the other relays dial this one; its peer certificate must bear the host"),
  peerListen: hostPort.describe("the listener for other relays"),
  tls: section("tls: { cert: peer.pem, key: peer.key, ca: peers-ca.pem }", {
    cert: path.describe("this relay's certificate for other relays, for both sides of TLS, in PEM"),
    key: path.describe("its key, in PEM, not encrypted"),
    ca: path.describe("the CAs of the relays' certificates, in PEM; not those of the functions"),
    names: z
      .array(text("a name such as relay-a.example").meta({ title: "names" }))
      .prefault([])
      .describe("names that another relay's certificate may bear; none: any, for that CA serves nobody else"),
  }).describe("what the relays of the cluster know one another by"),
});

export type ClusterConfig = z.output<typeof cluster>;
