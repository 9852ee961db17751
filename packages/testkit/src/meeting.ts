/** Functions that meet at a running relay: parked one by one, or paired. */
import type { Socket } from "node:net";
import type { Transport } from "@serverless-relay/protocol";
import { type AnswerHead, End } from "./end.ts";
import type { FunctionFiles, RunningRelay } from "./running-relay.ts";
import { until } from "./until.ts";

export interface Wishes {
  /** default raw */
  readonly transport?: Transport;
  /** the port of the target; default 443 */
  readonly channel?: number;
  /** further fields of the request */
  readonly fields?: Readonly<Record<string, string>>;
  /** sent along with the request: the first bytes of the session */
  readonly first?: string | Buffer;
  /** of the listener; default: the shared one's */
  readonly port?: number;
  /** makes the TCP connection; default: from here, to loopback */
  readonly dial?: (port: number) => Promise<Socket>;
}

/** Asks for `peer`, and does not wait to be parked. */
export function ask(relay: RunningRelay, self: FunctionFiles, peer: string, wishes: Wishes = {}): Promise<End> {
  const { transport = "raw", channel = 443, fields = {}, first = "", port = relay.port, dial } = wishes;
  return End[transport](port, self, `${encodeURIComponent(peer)}:${channel}`, fields, first, dial && { dial });
}

/** Asks for `peer`, and waits until the relay says that it is parked. */
export async function park(relay: RunningRelay, self: FunctionFiles, peer: string, wishes: Wishes = {}): Promise<End> {
  const end = await ask(relay, self, peer, wishes);
  await until(`${self.name} is parked`, async () =>
    (await relay.control.listParked()).some(({ address }) => address === end.address),
  );
  return end;
}

export interface Met {
  readonly ends: readonly [End, End];
  readonly heads: readonly [AnswerHead, AnswerHead];
  /** id of the session */
  readonly session: string;
}

/** Pairs two functions, `one` parked first, and reads both heads. */
export async function meet(
  relay: RunningRelay,
  one: FunctionFiles,
  other: FunctionFiles,
  wishes: readonly [Wishes, Wishes] = [{}, {}],
): Promise<Met> {
  const ends = [await park(relay, one, other.name, wishes[0]), await ask(relay, other, one.name, wishes[1])] as const;
  const heads = [await ends[0].paired(), await ends[1].paired()] as const;
  return { ends, heads, session: heads[0].fields["relay-session"] ?? "" };
}
