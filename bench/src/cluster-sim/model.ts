/**
 * A cluster on paper. What one relay, one NATS server and one pairing cost was measured (bench/results/cluster.json); what
 * happens between many of them is played through: where the ends of each pair arrive, how long the first one waits, and how
 * often it asks meanwhile, by the rules of packages/relay-cluster/src/claims.ts. The same scenario gives the same result.
 */
import type { Figures } from "../cluster/figures.ts";

export interface Scenario {
  readonly relays: number;
  readonly natsServers: number;
  /** functions that wait for their peer, on average */
  readonly parked: number;
  /** for how long, on average; how long is exponential */
  readonly waitSeconds: number;
  /** share of pairs whose ends the balancer sends to the same relay; the others go anywhere */
  readonly affinity: number;
  /** bytes of a session, both ways */
  readonly sessionBytes: number;
}

export interface Outcome {
  readonly pairingsPerSecond: number;
  /** share of pairings that go from relay to relay */
  readonly hopShare: number;
  /** busiest relay's hops, as a multiple of the average */
  readonly unevenness: number;
  /** asked on behalf of one pair, from the first arrival to the pairing */
  readonly questionsPerPairing: number;
  /** that all NATS servers together receive from relays and send to them, for one pair */
  readonly messagesPerPairing: number;
  readonly messagesPerServer: number;
  readonly bytesPerServer: number;
  /** of interest, from server to server: each tells every other of what is new, and of what is gone */
  readonly interestPerServer: number;
  readonly subscriptionsPerRelay: number;
  readonly subscriptionsPerServer: number;
  /** bytes; each server knows all the interest that there is */
  readonly natsMemoryPerServer: number;
  /** cores */
  readonly natsCoresPerServer: number;
  readonly relayMemory: number;
  /** cores: admissions, pairings and hops, and the bytes of the sessions */
  readonly relayCores: number;
  /** bytes a second between relays, at each */
  readonly hopBytesPerRelay: number;
}

/** Pairs that are played through. */
const SAMPLE = 200_000;
/** claims.ts: after how long one that waits asks once more, and then again; the last one repeats. */
const LOOKS_S = [0.3, 5, 900] as const;
const GIB = 2 ** 30;

export function simulate(scenario: Scenario, measured: Figures): Outcome {
  const { relays, natsServers, parked, waitSeconds, sessionBytes } = scenario;
  const { hops, questions, busiest } = playThrough(scenario);
  const pairingsPerSecond = parked / waitSeconds;
  const hopShare = hops / SAMPLE;
  const questionsPerPairing = questions / SAMPLE;
  const messagesPerPairing = messagesOf(questionsPerPairing, hopShare);
  const perServer = pairingsPerSecond / natsServers;
  const perRelay = pairingsPerSecond / relays;
  // What was measured is a pair of which nobody waited: two questions for each hop.
  const bytesPerMessage = measured.pairingBytes / measured.pairingMessages;
  const cpuPerMessage = measured.pairingNatsCpu / measured.pairingMessages;
  const interestPerServer = 2 * perServer * (natsServers - 1);
  const messagesPerServer = perServer * messagesPerPairing;
  const setUp = measured.setupLocalCpu + hopShare * (measured.setupAcrossCpu - measured.setupLocalCpu);
  const perGib = measured.cpuLocal + hopShare * (measured.cpuAcross - measured.cpuLocal);
  return {
    pairingsPerSecond,
    hopShare,
    unevenness: hops === 0 ? 1 : busiest / ((2 * hops) / relays),
    questionsPerPairing,
    messagesPerPairing,
    messagesPerServer,
    bytesPerServer: messagesPerServer * bytesPerMessage,
    interestPerServer,
    subscriptionsPerRelay: (parked / relays) * measured.subscriptions,
    subscriptionsPerServer: parked * measured.subscriptions,
    natsMemoryPerServer: parked * measured.natsMemory,
    natsCoresPerServer: (messagesPerServer + interestPerServer) * cpuPerMessage,
    relayMemory: (parked / relays) * measured.parkedInCluster,
    relayCores: perRelay * (setUp + (sessionBytes / GIB) * perGib),
    hopBytesPerRelay: 2 * perRelay * hopShare * sessionBytes,
  };
}

/** Each question is one message in and one out; a hop's has an answer, in and out, where the others' are said by NATS itself. */
function messagesOf(questions: number, hopShare: number): number {
  return 2 * questions + 2 * hopShare;
}

function playThrough({ relays, waitSeconds, affinity }: Scenario): {
  hops: number;
  questions: number;
  busiest: number;
} {
  const random = randomFrom(relays);
  const hopsOf = new Uint32Array(relays);
  let hops = 0;
  let questions = 0;
  for (let pair = 0; pair < SAMPLE; pair++) {
    const first = Math.floor(random() * relays);
    const second = random() < affinity ? first : Math.floor(random() * relays);
    questions += looksWithin(-Math.log(1 - random()) * waitSeconds);
    if (first === second) continue; // it finds its peer parked here, and asks nobody
    hops++;
    questions++; // by the second, which is answered
    for (const relay of [first, second]) hopsOf[relay] = (hopsOf[relay] ?? 0) + 1;
  }
  return { hops, questions, busiest: Math.max(...hopsOf) };
}

/** How often one that waits so long has asked: on arrival, a moment later, and hardly ever after that. */
function looksWithin(seconds: number): number {
  let looks = 1;
  for (let at: number = LOOKS_S[0]; at < seconds; at += LOOKS_S[looks - 1] ?? LOOKS_S[2]) looks++;
  return looks;
}

function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 2_654_435_761) | 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}
