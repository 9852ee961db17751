import { setImmediate as nextTurn } from "node:timers/promises";
import {
  connectHead,
  type FunctionFiles,
  OuterClient,
  parseHead,
  RunningRelay,
  randomNumbers,
  readHead,
  seedFrom,
  until,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const RACES = Number(process.env.RACES ?? 200);
/** What one race does depends on it and the race's number alone; the timing is the machine's. */
const SEED = seedFrom("RACE_SEED");
const AT_ONCE = 8;
const LONGEST_DELAY_MS = 4;
/** None of them has anything to do with a race; the deadlines are for machines that have much else to do. */
const LIMITS = `
limits:
  { handshakes: 4000, handshakesPerAddress: 4000, arrivalsPerAddress: 100000, arrivalsPerFunction: 100000,
    handshakeTimeout: 60s, requestTimeout: 60s, detachTimeout: 60s }`;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]], yaml: LIMITS });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterAll(() => relay.finish());

/** One that asks, in either transport; what it sends and hears is the session. */
class Racer {
  readonly client: OuterClient;
  readonly mark: string;
  /** "127.0.0.1:40000", kept for when it has vanished */
  readonly address: string;
  readonly #transport: "raw" | "tls";
  readonly #flight: Buffer;
  head: Promise<ReturnType<typeof parseHead>> = Promise.reject(new Error("it has not asked"));

  private constructor(client: OuterClient, mark: string, transport: "raw" | "tls", flight: Buffer) {
    this.client = client;
    this.mark = mark;
    this.address = client.address;
    this.#transport = transport;
    this.#flight = flight;
    this.head.catch(() => {});
  }

  /** Dials; what it will ask is ready to go out in one flight. */
  static async dial(self: FunctionFiles, peer: string, race: Race, mark: string): Promise<Racer> {
    const client = await OuterClient.dial(relay.port, self);
    const transport = race.random() < 0.6 ? "raw" : "tls";
    const fields = { "Relay-Channel": race.channel, "Relay-Transport": transport, Prefer: "wait=20" };
    const head = connectHead(`${peer}:443`, fields);
    const flight = transport === "raw" ? await client.flight(head) : Buffer.from(head);
    return new Racer(client, mark, transport, flight);
  }

  ask(): void {
    const { client } = this;
    if (this.#transport === "tls") client.request(this.#flight.toString());
    else client.socket.write(this.#flight);
    this.head = this.#paired();
    this.head.catch(() => {}); // looked at later, or it has vanished
  }

  get session() {
    return this.#transport === "raw" ? this.client.socket : this.client.tls;
  }

  /** It is detached: parked, or about to be. In tls there is no telling. */
  async detached(): Promise<void> {
    if (this.#transport === "raw") await this.client.bare();
  }

  vanish(how: number): void {
    if (how < 0.4) this.client.socket.resetAndDestroy();
    else if (how < 0.8) this.client.destroy();
    else this.session.end();
  }

  /** All that comes until the end, or the reset. */
  async rest(): Promise<string> {
    let text = "";
    const { session } = this;
    session.on("data", (chunk: Buffer) => (text += chunk.toString()));
    if (!session.destroyed && !session.readableEnded) {
      await new Promise((resolve) => session.once("end", resolve).once("close", resolve));
    }
    return text;
  }

  async #paired(): Promise<ReturnType<typeof parseHead>> {
    await this.detached();
    return parseHead(await readHead(this.session));
  }
}

interface Pairing {
  readonly session: string;
  readonly addresses: readonly string[];
}

/** By channel, which is one race's, and address: ports are used again. */
const pairings = new Map<string, Pairing>();
let linesRead = 0;

/** What the log says of whom the one at this address was paired with; each line is looked at once. */
function pairingOf(channel: string, address: string): Pairing | undefined {
  const { lines } = relay.process;
  for (; linesRead < lines.length; linesRead++) {
    const line = lines[linesRead] ?? "";
    const [, session = "", on = ""] = /"event":"paired","session":"([^"]+)".*?"channel":"([^"]+)"/.exec(line) ?? [];
    if (session === "") continue;
    const addresses = Array.from(line.matchAll(/"address":"([^"]+)"/g), ([, each = ""]) => each);
    for (const each of addresses) pairings.set(`${on} ${each}`, { session, addresses });
  }
  return pairings.get(`${channel} ${address}`);
}

interface Race {
  readonly channel: string;
  readonly random: () => number;
}

/** As long as that, to some microseconds. */
async function wait(ms: number): Promise<void> {
  const began = performance.now();
  while (performance.now() - began < ms) await nextTurn();
}

/**
 * One waits, another comes, one of the two vanishes at about that moment. Whoever stays is paired with the one that has vanished,
 * and sees that end; or it waits on, and meets the third who comes. Gives which.
 */
async function race(number: number): Promise<"met the one that vanished" | "was rescued"> {
  const random = randomNumbers(SEED + number);
  const it: Race = { channel: `race-${number}`, random };
  const [self, peer] = random() < 0.5 ? [f1, f2] : [f2, f1];
  const waiter = await Racer.dial(self, peer.name, it, "waiter");
  waiter.ask();
  await waiter.detached();
  const comer = await Racer.dial(peer, self.name, it, "comer");
  const [fickle, steady] = random() < 0.5 ? [waiter, comer] : [comer, waiter];
  const [delay, how] = [random() ** 2 * LONGEST_DELAY_MS, random()];
  if (random() < 0.1 && fickle === waiter) {
    fickle.vanish(how);
    await wait(delay);
    comer.ask();
  } else {
    comer.ask();
    await wait(delay);
    fickle.vanish(how);
  }
  const rescuer = await Racer.dial(
    steady === waiter ? peer : self,
    steady === waiter ? self.name : peer.name,
    it,
    "rescuer",
  );
  rescuer.ask();
  const head = await steady.head.catch(() => null); // a reset may overtake the 200
  const { session, addresses } = await until("it is paired", () => pairingOf(it.channel, steady.address));
  const rescued = addresses.includes(rescuer.address);
  if (!rescued) expect(addresses).toContain(fickle.address);
  if (rescued || head !== null) {
    expect(head).toMatchObject({ status: 200, fields: { "relay-session": session } });
    if (rescued) rescuer.session.end(rescuer.mark);
    expect(await steady.rest()).toBe(rescued ? rescuer.mark : "");
  }
  if (rescued) expect((await rescuer.head).fields["relay-session"]).toBe(session);
  for (const racer of [waiter, comer, rescuer]) racer.client.destroy();
  return rescued ? "was rescued" : "met the one that vanished";
}

it(`in ${RACES} races (RACE_SEED=${SEED}), whoever stays meets exactly one, and hears nobody else`, {
  timeout: 60_000 + RACES * 200,
}, async () => {
  const outcomes = new Map<string, number>();
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < RACES) {
        const number = next++;
        const outcome = await race(number).catch((cause: unknown) => {
          const dropped = relay.process.lines.filter((line) => line.includes('"event":"dropped"')).slice(-AT_ONCE);
          throw new Error(`race ${number} of RACE_SEED=${SEED}; dropped of late:\n${dropped.join("\n")}`, { cause });
        });
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }),
  );
  console.info(outcomes); // that it was a race: neither is rare
  expect(
    Math.min(...["was rescued", "met the one that vanished"].map((how) => outcomes.get(how) ?? 0)),
  ).toBeGreaterThan(0);
  await expect.poll(() => relay.status()).toMatchObject({ parked: 0, sessions: { live: 0 } });
  expectOnceEach();
});

/** Each connection has had exactly one end, and at most one session. */
function expectOnceEach(): void {
  const ends = new Map<string, string[]>();
  const note = (connection: unknown, what: string) =>
    ends.set(String(connection), [...(ends.get(String(connection)) ?? []), what]);
  for (const entry of relay.log()) {
    if (entry.event === "paired") {
      for (const { connection } of entry.ends as { connection: string }[]) note(connection, "paired");
    } else if (["refused", "dropped", "departed"].includes(String(entry.event)))
      note(entry.connection, String(entry.event));
  }
  for (const [connection, what] of ends) expect(what, connection).toHaveLength(1);
}
