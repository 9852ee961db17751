/**
 * What the configuration file may say: every key, its default, and what it becomes (milliseconds, bytes, addresses).
 * Unknown keys are refused. Messages are of the form "what is wrong; what to do".
 */
import { isIP } from "node:net";
import { z } from "zod";
import { allowing, notAllowed } from "../wake/target.ts";
import { cluster } from "./cluster.ts";
import {
  duration,
  flag,
  functionName,
  group,
  host,
  hostPort,
  missing,
  oneOf,
  PIN,
  path,
  pin,
  port,
  portRange,
  rate,
  shown,
  size,
  whole,
} from "./scalars.ts";
import { orShorter, section } from "./section.ts";
import { hooks, wake } from "./wake.ts";

/** What a route listener speaks (PROTOCOL.md, "Listeners"). */
const protocol = oneOf(["connect", "bare", "plain"]);

const perRoute = section("listen.perRoute: { ports: 20000-20999 }", {
  host: host.prefault("127.0.0.1").describe("where the route listeners are bound"),
  ports: portRange.describe("the ports that are allotted to routes"),
  protocol: protocol.prefault("connect").describe("what a route's listener speaks where the route does not say"),
  exposePlain: flag.prefault(false).describe("allows plain listeners, which verify nobody, on other than loopback"),
});

const pins = z
  .preprocess(
    (input) => (typeof input === "string" ? [input] : input),
    z
      .array(pin, { error: ({ input }) => `is ${shown(input)}; write [sha256:HASH]` })
      .min(1, "is empty; write [sha256:HASH]"),
  )
  .meta({ title: "pin, or list of pins", ...orShorter("array", { type: "string", pattern: PIN.source }) });

const route = section("{ between: [f1, f2] }", {
  between: z
    .tuple([functionName, functionName], {
      error: ({ input }) =>
        input === undefined ? missing("between: [f1, f2]") : "does not hold two names; write [f1, f2]",
    })
    .meta({ title: "two functions' names", description: "the two that may meet" }),
  protocol: protocol.optional().describe("what this route's listener speaks; default: listen.perRoute.protocol"),
  port: port.optional().describe("this route's listener is bound to it; default: one of listen.perRoute.ports"),
  channelLimit: whole("how many, such as 4")
    .optional()
    .describe("distinct channels in use at once, parked or carried; default: no limit of its own"),
  maxSessions: whole("how many, such as 10").optional().describe("sessions at once; default: no limit of its own"),
  ttl: duration
    .optional()
    .describe("how long after the start of relayd there is this route; its sessions run on; default: for good"),
  once: flag
    .optional()
    .describe("deletes the route, until relayd is started again, once its first session has begun; default: false"),
  wait: duration
    .optional()
    .describe("how long a client is parked that does not say, at most pairing.maxWait; default: pairing.wait"),
  bandwidth: rate
    .optional()
    .describe("bytes per second, of all sessions of the route together, both directions; default: no limit of its own"),
  pins: section("pins: { f1: [sha256:HASH] }", {
    f1: pins.optional().describe("of the first of between: SHA-256 of the SubjectPublicKeyInfo; default: any key"),
    f2: pins.optional().describe("of the second; default: any key"),
  })
    .optional()
    .describe("public keys that the functions may have"),
  wake: hooks.optional(),
}).transform(({ between: [f1, f2], wake, ...options }, context) => {
  for (const name of Object.keys(wake ?? {}).filter((name) => name !== f1 && name !== f2)) {
    context.addIssue({
      code: "custom",
      path: ["wake", name],
      message: `is neither ${f1} nor ${f2}; name one of the two`,
    });
  }
  return { f1, f2, ...options, ...(wake && { wake: { f1: wake[f1], f2: wake[f2] } }) };
});

const routes = z
  .array(route, { error: ({ input }) => `is ${shown(input)}; write a list of { between: [f1, f2] }` })
  .superRefine((list, context) => {
    for (const { index, message, key } of repeated(list))
      context.addIssue({ code: "custom", path: [index, key], message });
  });

/** Routes that name the same two functions, or ask for the same port, as an earlier one. */
function* repeated(list: readonly z.output<typeof route>[]) {
  const pairs = new Set<string>();
  const ports = new Set<number>();
  for (const [index, { f1, f2, port }] of list.entries()) {
    const pair = JSON.stringify([f1, f2].toSorted());
    if (pairs.has(pair)) {
      yield {
        index,
        key: "between",
        message: "is the route of an earlier entry, for the order is no matter; remove one",
      };
    }
    if (port !== undefined && ports.has(port)) {
      yield { index, key: "port", message: `${port} is the port of an earlier route; choose another` };
    }
    pairs.add(pair);
    if (port !== undefined) ports.add(port);
  }
}

const pairing = section("pairing: { wait: 60s, maxWait: 15m }", {
  wait: duration.prefault("60s").describe("how long a client is parked that does not say"),
  maxWait: duration.prefault("15m").describe("the longest that a client may ask to be parked"),
}).refine(({ wait, maxWait }) => wait <= maxWait, {
  path: ["wait"],
  error: "is longer than pairing.maxWait; lower the one or raise the other",
});

const limits = section("limits: { connections: 10000 }", {
  headSize: size.prefault("16KiB").describe("the longest request head"),
  handshakeTimeout: duration.prefault("10s").describe("from TCP accept to the end of the TLS handshake"),
  requestTimeout: duration.prefault("10s").describe("from the handshake to the end of the request head"),
  detachTimeout: duration.prefault("10s").describe("for the client's close_notify"),
  connections: whole("how many, such as 10000")
    .prefault(10_000)
    .describe("connections in all: on their way in, parked, and two for each session; beyond, 503 full"),
  handshakes: whole("how many, such as 512")
    .prefault(512)
    .describe(
      "connections from TCP accept until they are authorized (handshake, request, checks), in all; beyond, the oldest that has had more than a second is dropped, else the newcomer",
    ),
  handshakesPerAddress: whole("how many, such as 256")
    .optional()
    .describe("the same from one IPv4 address, or one /64 of IPv6; default: half of limits.handshakes"),
  arrivalsPerAddress: whole("how many a second, such as 500")
    .prefault(500)
    .describe("connections a second from one IPv4 address, or one /64 of IPv6; beyond, dropped before TLS"),
  arrivalsPerFunction: whole("how many a second, such as 200")
    .prefault(200)
    .describe("connections a second of one function, once its certificate is verified; beyond, 429"),
  connectionsPerFunction: whole("how many, such as 2500")
    .prefault(2_500)
    .describe("connections of one function, parked and in sessions; beyond, 429"),
  parkedPerFunction: whole("how many, such as 2500").prefault(2_500).describe("parked of one function; beyond, 429"),
  parkedPerRoute: whole("how many, such as 5000")
    .prefault(5_000)
    .describe("parked on one route, both ends together; beyond, 429"),
  sessions: whole("how many, such as 5000")
    .optional()
    .describe("sessions in all; whoever would begin one more gets 503 full; default: half of limits.connections"),
  sessionsPerFunction: whole("how many, such as 2500")
    .prefault(2_500)
    .describe("sessions of one function; whoever would begin one more gets 429"),
  sessionsPerRoute: whole("how many, such as 2500")
    .prefault(2_500)
    .describe("sessions of one route; whoever would begin one more gets 429; a route's maxSessions may be less"),
  bandwidthPerFunction: rate
    .optional()
    .describe("bytes per second, of all sessions of a function together, both directions; default: unlimited"),
  bandwidthPerRoute: rate
    .optional()
    .describe("bytes per second, of all sessions of a route that does not say itself; default: unlimited"),
});

const MODES = ["auto", "kernel", "stream"] as const;

const splice = section("splice: { mode: auto, threads: 1 }", {
  mode: oneOf(MODES)
    .prefault("auto")
    .describe("how bare sessions are carried; auto: in the kernel where that is possible, else by streams"),
  threads: whole("how many, such as 1").prefault(1).describe("threads that splice; sessions are spread over them"),
});

export const configSchema = section("the keys listen, tls, control and state", {
  listen: section("listen: { shared: 127.0.0.1:8443 }", {
    shared: hostPort.describe("the listener that serves all routes"),
    perRoute: perRoute.optional().describe("gives each route a listener of its own"),
  }).describe("where functions dial"),
  tls: section("tls: { cert: relay.pem, key: relay.key, ca: ca.pem }", {
    cert: path.describe("the relay's certificate, with its intermediates, in PEM"),
    key: path.describe("the certificate's private key, in PEM, not encrypted"),
    ca: path.describe("the CAs whose certificates are accepted of functions, in PEM"),
    crl: path.optional().describe("revocation lists of those CAs, in PEM; default: nobody is revoked"),
  }).describe("what relayd proves itself with, and whose certificates it accepts"),
  control: section("control: { socket: run/relayd.sock }", {
    socket: path.describe("the Unix socket of the control API; its directory is made with mode 0700"),
    readOnlySocket: path
      .optional()
      .describe("a second one, by which nothing can be changed: for monitoring; default: there is none"),
    readOnlyGroup: group
      .optional()
      .describe("whose members may open the second one, too: a name, or a number; default: relayd's user alone"),
  }).describe("how relayctl reaches relayd"),
  state: section("state: { dir: state }", {
    dir: path.describe("the directory of the route store; made if it is not there"),
  }).describe("what outlives relayd"),
  pairing: pairing.prefault({}).describe("how long functions wait for one another"),
  limits: limits.prefault({}).describe("how much of anything there may be"),
  splice: z
    .preprocess((input) => (typeof input === "string" ? { mode: input } : input), splice.prefault({}))
    .meta({
      description: "how sessions are carried; splice: stream is short for splice: { mode: stream }",
      ...orShorter("object", { enum: [...MODES] }),
    }),
  sessions: section("sessions: { idleTimeout: 1h }", {
    idleTimeout: duration.prefault("1h").describe("ends a session in which nothing moves in either direction"),
    answerWithin: duration
      .prefault("2m")
      .describe(
        "ends a session one end of which has owed TCP an answer for so long; one that only reads nothing is waited for",
      ),
    maxDuration: duration
      .optional()
      .describe("ends a session that has lasted so long, whatever moves; default: none is ended for that"),
    onRevoked: oneOf(["end", "keep"])
      .prefault("end")
      .describe("sessions in which a certificate is revoked while they run, or its CA is taken away"),
    onExpired: oneOf(["end", "keep"]).prefault("keep").describe("sessions in which a certificate runs out"),
  })
    .prefault({})
    .describe("when sessions end that would go on"),
  drain: section("drain: { timeout: 30s }", {
    timeout: duration.prefault("30s").describe("how long sessions may go on once relayd is told to stop"),
  })
    .prefault({})
    .describe("how relayd stops"),
  metrics: section("metrics: { listen: 127.0.0.1:9464 }", {
    listen: hostPort.prefault("127.0.0.1:9464").describe("where /metrics, /healthz and /readyz are served"),
  })
    .optional()
    .describe("metrics, health and readiness over HTTP, only if this is there"),
  audit: section("audit: { file: audit.ndjson }", {
    file: path.describe("who was admitted and paired, and who changed what: one JSON object a line, appended"),
  })
    .optional()
    .describe("the audit log, only if this is there"),
  cluster: cluster.optional().describe("makes this relay one of several that pair one another's functions"),
  wake: wake.optional().describe("what may be requested to wake functions that others wait for; without it, nothing"),
  routes: routes.prefault([]).describe("static routes; others are added with relayctl"),
  log: section("log: { level: info }", {
    level: oneOf(["trace", "debug", "info", "warn", "error"]).prefault("info").describe("what is less is left out"),
    format: oneOf(["json", "pretty", "auto"]).prefault("auto").describe("auto: pretty on a terminal, else JSON"),
  })
    .prefault({})
    .describe("the log, on standard output"),
}).superRefine((config, context) => {
  const problems = [...listenerConflicts(config), ...hooksNotAllowed(config)];
  for (const { path, message } of problems) context.addIssue({ code: "custom", path, message });
});

/** The configuration: absolute paths once loaded, durations in milliseconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
export type RouteProtocol = z.output<typeof protocol>;

function* listenerConflicts({ listen: { perRoute }, routes }: Config) {
  if (perRoute === undefined) {
    for (const [index, route] of routes.entries()) {
      const key = route.port !== undefined ? "port" : route.protocol !== undefined ? "protocol" : null;
      if (key === null) continue;
      yield { path: ["routes", index, key], message: "needs a listener; add listen.perRoute, or remove this key" };
    }
    return;
  }
  if (mayBePlain(perRoute)) return;
  const message = `plain verifies nobody and ${perRoute.host} is not loopback; bind to 127.0.0.1, or set listen.perRoute.exposePlain: true`;
  if (perRoute.protocol === "plain") yield { path: ["listen", "perRoute", "protocol"], message };
  for (const [index, route] of routes.entries()) {
    if (route.protocol === "plain") yield { path: ["routes", index, "protocol"], message };
  }
}

function* hooksNotAllowed({ wake: waking, routes }: Config) {
  for (const [index, { f1, f2, wake }] of routes.entries()) {
    for (const [name, target] of [
      [f1, wake?.f1],
      [f2, wake?.f2],
    ] as const) {
      if (target === undefined || allowing(target, waking?.allow ?? []) !== null) continue;
      yield { path: ["routes", index, "wake", name], message: notAllowed(target) };
    }
  }
}

/** Whether a route listener may speak `plain`: only on loopback, unless that was forced. */
export function mayBePlain(perRoute: { readonly host: string; readonly exposePlain: boolean }): boolean {
  return perRoute.exposePlain || isLoopback(perRoute.host);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
