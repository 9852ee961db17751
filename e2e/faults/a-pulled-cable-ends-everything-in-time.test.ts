import { connectHead, type End, meet, OuterClient, type Pull, park, until } from "@serverless-relay/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type Cables, layCables } from "./cables.ts";
import { descriptors } from "./plain-sessions.ts";

/** For every step, and for what TCP owes. */
const DEADLINE_S = 2;
/** Idle connections are probed after half of that; and looks, and system timers, are coarse. */
const ALL_OVER_MS = 6 * DEADLINE_S * 1_000;

let cables: Cables;
afterEach(async () => {
  for (const timer of pouring) clearInterval(timer);
  pouring.clear();
  await cables.remove();
});

const CHUNK = Buffer.alloc(64 << 10, "…");
const pouring = new Set<NodeJS.Timeout>();

/** Sends for as long as it may: not as fast as it could, for all ends share this process. */
function pour({ stream }: End): void {
  const more = () => stream.writableNeedDrain || stream.write(CHUNK);
  pouring.add(setInterval(more, 20));
}

/** @param pulled resolves when f1's cable has been */
const ACTS: Readonly<Record<string, (near: End, far: End, pulled: Promise<void>) => void>> = {
  idle: () => {},
  "f1 sends": (near, far) => {
    far.stream.resume();
    pour(near);
  },
  "f2 sends": (near, far) => {
    near.stream.resume();
    pour(far);
  },
  "f1 sends, f2 does not read": pour,
  "f2 sends, f1 does not read": (_near, far) => pour(far),
  "f1 has ended its side": ({ stream }) => stream.end("all of it"),
  "f2 has ended its side": (_near, { stream }) => stream.end("all of it"),
  "f2 ends its side into the void, with nothing more to say": (_near, { stream }, pulled) => {
    stream.write("all of it");
    void pulled.then(() => stream.end());
  },
};

interface Live {
  readonly what: string;
  readonly session: string;
  readonly ends: readonly [End, End];
  readonly begin: () => void;
}

type Mix = readonly ["raw" | "tls", "raw" | "tls"];

/** Sessions of every kind, in which nothing happens yet. */
async function converse(mixes: readonly Mix[], pulled: Promise<void>): Promise<Live[]> {
  const { relay, f1, f2, from } = cables;
  const live: Live[] = [];
  for (const [one, other] of mixes) {
    for (const [what, act] of Object.entries(ACTS)) {
      const channel = live.length + 1;
      const wishes = [from("f1", { transport: one, channel }), from("f2", { transport: other, channel })] as const;
      const met = await meet(relay, f1, f2, wishes);
      for (const { stream } of met.ends) stream.on("error", () => {});
      live.push({ what: `${one}, ${other}: ${what}`, begin: () => act(...met.ends, pulled), ...met });
    }
  }
  return live;
}

interface Waiting {
  readonly what: string;
  readonly address: string;
  readonly event: "dropped" | "refused";
  readonly reason: string;
  readonly leave: () => void;
}

/** f1 in every state before that of a session. */
async function waitEverywhere(): Promise<Waiting[]> {
  const { relay, network, f1, from } = cables;
  const dial = (port: number) => network.dial("f1", port);
  const parked = [
    await park(relay, f1, "f2", from("f1", { channel: 101 })),
    await park(relay, f1, "f2", from("f1", { channel: 102, transport: "tls" })),
  ] as const;
  const shaking = await dial(relay.port);
  shaking.on("error", () => {}).write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252]));
  const asking = await OuterClient.dial(relay.port, f1, { dial });
  asking.request("CONNECT f2:443 HTTP/1.1\r\nHost:");
  const detaching = await OuterClient.dial(relay.port, f1, { dial });
  detaching.request(connectHead("f2:443", { "Relay-Transport": "raw" }));
  await detaching.answer(); // the relay's close_notify
  const waiting = (what: string, event: Waiting["event"], reason: string, client: OuterClient | End): Waiting => {
    return { what, address: client.address, event, reason, leave: () => client.destroy() };
  };
  return [
    {
      what: "handshake",
      address: `10.213.1.2:${shaking.localPort}`,
      event: "dropped",
      reason: "handshake_timeout",
      leave: () => shaking.destroy(),
    },
    waiting("request", "refused", "request_timeout", asking),
    waiting("detach", "dropped", "detach_timeout", detaching),
    waiting("parked, raw", "refused", "peer_timeout", parked[0]),
    waiting("parked, tls", "refused", "peer_timeout", parked[1]),
  ];
}

describe.each<{ how: Pull; mixes: readonly Mix[] }>([
  {
    how: "drop",
    mixes: [
      ["raw", "raw"],
      ["tls", "tls"],
      ["tls", "raw"],
      ["raw", "tls"],
    ],
  },
  { how: "down", mixes: [["raw", "raw"]] },
])("f1's cable is pulled ($how), and stays so", ({ how, mixes }) => {
  it("whatever was under way ends by its deadline, with the right reason; f2 hears of it, and nothing is left", async () => {
    cables = await layCables(`
limits: { handshakeTimeout: ${DEADLINE_S}s, requestTimeout: ${DEADLINE_S}s, detachTimeout: ${DEADLINE_S}s }
pairing: { wait: ${2 * DEADLINE_S}s }
sessions: { answerWithin: ${DEADLINE_S}s }
`);
    const { relay, network } = cables;
    const { pid } = relay.process;
    const before = descriptors(pid);
    const pulling = Promise.withResolvers<void>();
    const live = await converse(mixes, pulling.promise);
    const waiting = await waitEverywhere();
    for (const { begin } of live) begin();
    await until("much is under way", async () => (await relay.status()).bytes > 1 << 20);

    await network.pull("f1", how);
    const pulled = performance.now();
    pulling.resolve();
    for (const { what, event, address, reason } of waiting) {
      expect({ what, ...(await relay.logged(event, { address })) }).toMatchObject({ what, reason });
    }
    for (const { what, session } of live) {
      const ended = await relay.logged("ended", { session });
      expect({ what, ...ended }).toMatchObject({ what, reason: "reset", by: "f1" });
    }
    await until("f2 has heard of it", async () => (await network.connections("f2")) === 0);
    await relay.quiet();
    expect(performance.now() - pulled).toBeLessThan(ALL_OVER_MS);
    expect(await relay.status()).toMatchObject({ parked: 0, sessions: { live: 0 } });
    await until("no descriptor is left", () => {
      const { all, pipes } = descriptors(pid);
      return all - pipes <= before.all - before.pipes;
    });

    await network.mend("f1", how);
    for (const { leave } of waiting) leave();
    for (const { ends } of live) for (const end of ends) end.destroy();
    const { f1, f2, from } = cables;
    for (const end of (await meet(relay, f1, f2, [from("f1"), from("f2")])).ends) end.destroy();
    await relay.quiet();
  });
});
