import type { Status } from "@serverless-relay/control-api";
import { describe, expect, it } from "vitest";
import { describeStatus } from "./status-text.ts";
import { PLAIN } from "./styles.ts";

const shared = {
  name: "shared",
  route: null,
  protocol: "connect",
  host: "127.0.0.1",
  port: 8443,
  state: "up",
  error: null,
} as const;
const own = { ...shared, name: "route", route: { f1: "f1", f2: "f2" }, protocol: "bare", port: 20000 } as const;

const calm: Status = {
  version: "1.2.3",
  pid: 7,
  state: "running",
  drain: null,
  startedAt: "2026-11-23T06:00:00.000Z",
  uptimeSeconds: 3725,
  config: "/etc/relayd/relayd.yaml",
  listeners: [shared, own, own],
  routes: { static: 1, dynamic: 2 },
  parked: 3,
  sessions: { live: 1, total: 20 },
  admitted: 40,
  refused: { no_route: 1, certificate_expired: 4 },
  bytes: 1536,
  limits: {
    connections: { used: 4, limit: 10_000 },
    handshakes: { used: 1, limit: 512 },
    sessions: { used: 1, limit: 5_000 },
  },
  splice: "kernel",
  cluster: null,
  reload: { lastAt: null, trigger: null, ok: true, problems: [], restart: [], good: 0, bad: 0 },
  certificates: [
    {
      use: "relay",
      file: "relay.pem",
      subject: "CN=relay",
      notAfter: "2027-01-01T00:00:00.000Z",
      daysLeft: 1.5,
      warning: null,
    },
  ],
};

describe("the status in words", () => {
  it("says what the last reload found, for as long as that is so", () => {
    const reload = { lastAt: "2026-11-23T07:00:00.000Z", trigger: "change", good: 1, bad: 1 } as const;
    const problems = ["relayd.yaml:4:8 tls.key relay.key: is not the key", "relayd.yaml:5:7 tls.ca ca.pem: is empty"];
    const bad = describeStatus({ ...calm, reload: { ...reload, ok: false, problems, restart: [] } }, PLAIN);
    expect(bad.slice(0, 2)).toEqual([
      "WARNING: not reloaded on 2026-11-23T07:00:00.000Z: relayd.yaml:4:8 tls.key relay.key: is not the key",
      "WARNING: not reloaded on 2026-11-23T07:00:00.000Z: relayd.yaml:5:7 tls.ca ca.pem: is empty",
    ]);
    const waits = { ...reload, ok: true, problems: [], restart: ["listen.shared", "splice.threads"] };
    expect(describeStatus({ ...calm, reload: waits }, PLAIN)[0]).toBe(
      "WARNING: changed in the configuration, and waits for a restart: listen.shared, splice.threads",
    );
  });

  it("is a compact overview", () => {
    expect(describeStatus(calm, PLAIN)).toEqual([
      "relayd 1.2.3 running, pid 7, up 1h 2m",
      "config       /etc/relayd/relayd.yaml",
      "listener     connect 127.0.0.1:8443",
      "routes       1 static, 2 dynamic; 2 route listeners",
      "parked       3",
      "sessions     1 live, 20 in all, 1.5 KiB relayed",
      "limits       4 of 10000 connections, 1 of 512 handshakes, 1 of 5000 sessions",
      "splice       kernel",
      "admitted     40",
      "refused      5: certificate_expired 4, no_route 1",
      "relay        CN=relay, until 2027-01-01 (1 day left), relay.pem",
    ]);
  });

  it("begins with what needs attention", () => {
    const down = { ...own, host: "::1", state: "down", error: "address in use" } as const;
    const crl = { use: "crl", file: "crl.pem", subject: "CN=ca", notAfter: calm.startedAt, daysLeft: -2 } as const;
    const troubled: Status = {
      ...calm,
      state: "draining",
      listeners: [shared, down],
      certificates: [{ ...crl, warning: "expired: everybody is refused" }],
      refused: {},
    };
    const lines = describeStatus(troubled, PLAIN);
    expect(lines.slice(0, 4)).toEqual([
      "WARNING: draining: nobody is admitted any more",
      "WARNING: listener of f1 <-> f2: bare [::1]:20000 DOWN: address in use",
      "WARNING: crl.pem: expired: everybody is refused",
      "relayd 1.2.3 draining, pid 7, up 1h 2m",
    ]);
    expect(lines).toContain("routes       1 static, 2 dynamic; 1 route listener, 1 down");
    expect(lines).toContain("refused      0");
    expect(lines).toContain("crl          CN=ca, until 2026-11-23 (expired), crl.pem");
  });
});
