/** What this relay is held to: each a ratio to peers in the same run. */
import type { ColumnName } from "./columns.ts";
import type { PeerReport, Report } from "./report.ts";

interface Target {
  readonly what: string;
  readonly column: ColumnName;
  readonly row: string;
  /** rows to be compared with; of several the best. None: the figure itself is the target. */
  readonly against: readonly string[];
  readonly limit: number;
  readonly least?: true;
}

const EVERY_PEER = [
  "haproxy-1m",
  "haproxy-64k",
  "nginx",
  "socat",
  "strelaysrv",
  "wormhole",
  "nats",
  "redis",
  "node-pipe",
];

const targets: readonly Target[] = [
  {
    what: "GiB/s, 1 pair, × C reference",
    column: "rate1",
    row: "relay-raw",
    against: ["reference"],
    limit: 0.97,
    least: true,
  },
  { what: "CPU s/GiB, 1 pair, × C reference", column: "cpu1", row: "relay-raw", against: ["reference"], limit: 1.05 },
  { what: "CPU s/GiB, 1 pair, × HAProxy 1 MiB", column: "cpu1", row: "relay-raw", against: ["haproxy-1m"], limit: 1 },
  {
    what: "CPU s/GiB, 16 pairs, × HAProxy 1 MiB",
    column: "cpu16",
    row: "relay-raw",
    against: ["haproxy-1m"],
    limit: 0.75,
  },
  { what: "round trip p50, × C reference", column: "pingP50", row: "relay-raw", against: ["reference"], limit: 1.03 },
  { what: "round trip p99, × the best peer", column: "pingP99", row: "relay-raw", against: EVERY_PEER, limit: 1 },
  { what: "set-up CPU, × strelaysrv", column: "setupCpu", row: "relay-raw", against: ["strelaysrv"], limit: 0.93 },
  {
    what: "set-up p50, × the better of NATS and nginx mTLS",
    column: "setupP50",
    row: "relay-raw",
    against: ["nats-mtls", "nginx-mtls"],
    limit: 1,
  },
  {
    what: "set-up p99, × the better of NATS and nginx mTLS",
    column: "setupP99",
    row: "relay-raw",
    against: ["nats-mtls", "nginx-mtls"],
    limit: 1,
  },
  {
    what: "pairs/s, 16 in flight, × nginx mTLS",
    column: "setupRate",
    row: "relay-raw",
    against: ["nginx-mtls"],
    limit: 1,
    least: true,
  },
  { what: "KiB per idle raw session", column: "idleMany", row: "relay-raw", against: [], limit: 3 * 1024 },
  { what: "KiB per parked raw client", column: "parkedMany", row: "relay-raw", against: [], limit: 3 * 1024 },
  { what: "KiB per parked tls client", column: "parkedMany", row: "relay-tls", against: [], limit: 64 * 1024 },
];

export interface Verdict {
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
  readonly holds: boolean;
}

/** The targets of which this run measured all that is needed. */
export function judge({ peers }: Report): Verdict[] {
  const byName = new Map(peers.map((peer) => [peer.name, peer]));
  return targets.flatMap((target) => judgeOne(target, byName) ?? []);
}

function judgeOne(target: Target, peers: ReadonlyMap<string, PeerReport>): Verdict | null {
  const value = peers.get(target.row)?.medians[target.column];
  if (value === undefined) return null;
  const sign = target.least ? "≥" : "≤";
  if (target.against.length === 0) {
    const kib = (bytes: number) => (bytes / 1024).toFixed(1);
    return {
      what: target.what,
      wanted: `${sign} ${kib(target.limit)}`,
      found: kib(value),
      holds: value <= target.limit,
    };
  }
  const others = target.against.flatMap((name) => peers.get(name)?.medians[target.column] ?? []);
  if (others.length === 0) return null;
  const ratio = value / (target.least ? Math.max(...others) : Math.min(...others));
  const holds = target.least ? ratio >= target.limit : ratio <= target.limit;
  return { what: target.what, wanted: `${sign} ${target.limit.toFixed(2)}`, found: ratio.toFixed(2), holds };
}
