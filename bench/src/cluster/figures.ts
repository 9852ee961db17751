/** What is found out about a cluster: names and units of the figures, as the JSON holds them. */
export interface Figures {
  /** seconds from the first dial until a message has gone each way, one pair at a time: both ends at one relay, and at two */
  readonly setupLocalP50: number;
  readonly setupAcrossP50: number;
  /** the same with PACE_MS between two pairs, in which relays do what they put off: they are not short of processors then */
  readonly pacedLocalP50: number;
  readonly pacedAcrossP50: number;
  /** CPU seconds of all relays for one pair, one right after another */
  readonly setupLocalCpu: number;
  readonly setupAcrossCpu: number;
  /** GiB/s of one session */
  readonly rateLocal: number;
  readonly rateAcross: number;
  /** CPU seconds of all relays for one GiB */
  readonly cpuLocal: number;
  readonly cpuAcross: number;
  /** the same while a chunk comes every CHUNK_PACE_MS: nobody waits for a processor, or for room in a socket */
  readonly pacedCpuLocal: number;
  readonly pacedCpuAcross: number;
  /**
   * CPU seconds for one GiB, as fast as it goes, of one HAProxy in TCP mode, and of two one behind the other: what a second hop
   * costs with others. NaN: not installed
   */
  readonly proxyCpuOne: number;
  readonly proxyCpuTwo: number;
  /** resident bytes of a relay for each client that is parked there */
  readonly parkedAlone: number;
  readonly parkedInCluster: number;
  /** clients parked in all, and the share of one core that NATS uses meanwhile, in [0, 1] */
  readonly parked: number;
  readonly natsShare: number;
  /** what NATS handles a second meanwhile; bytes without NATS's own framing */
  readonly restMessages: number;
  readonly restBytes: number;
  /** resident bytes of NATS for each parked client, and its subscriptions for each */
  readonly natsMemory: number;
  readonly subscriptions: number;
  /** what NATS receives and sends for one pairing across relays, its two arrivals included */
  readonly pairingMessages: number;
  readonly pairingBytes: number;
  /** CPU seconds of NATS for that */
  readonly pairingNatsCpu: number;
}

/** Between two pairs that are paced. */
export const PACE_MS = 40;

/** Between two chunks of 256 KiB that are paced: 0.24 GiB/s, what a network of 2 Gbit/s carries. */
export const CHUNK_PACE_MS = 1;

export type FigureName = keyof Figures;

interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly of: (figures: Figures) => number;
  readonly digits: number;
  readonly holds: (found: number) => boolean;
}

/** What issue and docs/cluster.md promise: each a difference, or a ratio, within one run. */
export const targets: readonly Target[] = [
  {
    what: `pairing across relays adds, p50, ms, a pair every ${PACE_MS} ms`,
    wanted: "< 3",
    of: ({ pacedLocalP50, pacedAcrossP50 }) => (pacedAcrossP50 - pacedLocalP50) * 1000,
    digits: 2,
    holds: (found) => found < 3,
  },
  {
    what: "pairing across relays adds, p50, ms, one pair right after another",
    wanted: "< 3",
    of: ({ setupLocalP50, setupAcrossP50 }) => (setupAcrossP50 - setupLocalP50) * 1000,
    digits: 2,
    holds: (found) => found < 3,
  },
  {
    what: "GiB/s across relays, × local",
    wanted: "≥ 0.5",
    of: ({ rateLocal, rateAcross }) => rateAcross / rateLocal,
    digits: 2,
    holds: (found) => found >= 0.5,
  },
  {
    what: "relay CPU s/GiB across relays, × local, at 0.24 GiB/s",
    wanted: "≤ 2",
    of: ({ pacedCpuLocal, pacedCpuAcross }) => pacedCpuAcross / pacedCpuLocal,
    digits: 2,
    holds: (found) => found <= 2,
  },
  {
    what: "relay CPU s/GiB across relays, × local, as fast as it goes",
    wanted: "≤ 2",
    of: ({ cpuLocal, cpuAcross }) => cpuAcross / cpuLocal,
    digits: 2,
    holds: (found) => found <= 2,
  },
  {
    what: "that ratio, × that of two HAProxies to one",
    wanted: "≤ 1",
    of: ({ cpuLocal, cpuAcross, proxyCpuOne, proxyCpuTwo }) => cpuAcross / cpuLocal / (proxyCpuTwo / proxyCpuOne),
    digits: 2,
    holds: (found) => found <= 1,
  },
  {
    what: "memory of a parked client, × one relay alone",
    wanted: "≤ 1.25",
    of: ({ parkedAlone, parkedInCluster }) => parkedInCluster / parkedAlone,
    digits: 2,
    holds: (found) => found <= 1.25,
  },
  {
    what: "NATS, % of a core while all are parked",
    wanted: "< 3",
    of: ({ natsShare }) => natsShare * 100,
    digits: 2,
    holds: (found) => found < 3,
  },
];
