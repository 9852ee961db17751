/** What may happen to a relay, one thing at a time, to the relay on its stage and to the reference alike. */
import fc from "fast-check";
import { expect, vi } from "vitest";
import type { Asked, ModelClient, ModelRoute, ReferencePairing } from "./reference.test-support.ts";
import type { Stage } from "./stage.test-support.ts";

type Command = fc.AsyncCommand<Model, Stage>;

/** fast-check hands out a Readonly of it, which a class with private parts has none of. */
interface Model {
  readonly reference: ReferencePairing;
}

/** Two that meet on a route, a third on another one with f2, and one that meets its own kind. */
const ROUTES: readonly ModelRoute[] = [
  { f1: "f1", f2: "f2" },
  { f1: "f2", f2: "f3" },
  { f1: "f", f2: "f" },
];
const ENDS = [
  ...Array.from({ length: 3 }, () => [["f1", "f2"] as const, ["f2", "f1"] as const]).flat(),
  ["f2", "f3"],
  ["f3", "f2"],
  ["f", "f"],
  ["f1", "f3"],
] as const;
const KEYS = ["key a", "key b"] as const;

/** `pick` chooses whom it happens to, among those to whom it can. */
function happening<T>(
  what: string,
  among: (model: ReferencePairing) => readonly T[],
  act: (one: T, model: ReferencePairing, stage: Stage) => Promise<void>,
): fc.Arbitrary<Command> {
  return fc.nat(1_000).map((pick) => ({
    check: ({ reference }) => among(reference).length > 0,
    async run({ reference: model }, stage) {
      const all = among(model);
      const one = all[pick % all.length];
      if (one !== undefined) await act(one, model, stage);
      expectSame(model, stage);
    },
    toString: () => `${what}(${pick})`,
  }));
}

function expectSame(model: ReferencePairing, stage: Stage): void {
  expect(stage.fates()).toEqual(model.fates());
  expect(stage.relay.parkedCount).toBe(model.in("waiting", "taken").length);
  expect(stage.relay.sessionCount).toBe(model.in("session").length / 2);
}

const asked: fc.Arbitrary<Asked> = fc
  .record({
    ends: fc.constantFrom(...ENDS),
    channel: fc.constantFrom("443", "443", "443", "443", "7"),
    role: fc.constantFrom(undefined, undefined, "client" as const, "server" as const),
    wait: fc.constantFrom(0, 3, 20, 20),
    key: fc.constantFrom(...KEYS),
  })
  .map(({ ends: [name, peer], ...rest }) => ({ name, peer, ...rest }));

function comes(detaches: boolean): fc.Arbitrary<Command> {
  return asked.map((who) => ({
    check: () => true,
    async run({ reference: model }, stage) {
      model.ask(who);
      await stage.ask(who);
      const client = model.clients.at(-1);
      if (detaches && client?.where === "entering") await detach(client, model, stage);
      expectSame(model, stage);
    },
    toString: () => `${detaches ? "arrives" : "asks"}(${JSON.stringify(who)})`,
  }));
}

async function detach(client: ModelClient, model: ReferencePairing, stage: Stage): Promise<void> {
  model.detach(client);
  await stage.detach(client.id);
}

const detaches = happening("is detached", (model) => model.in("entering"), detach);

const vanishes = happening(
  "vanishes",
  (model) => model.in("entering", "waiting", "taken", "joining", "session").filter(({ gone }) => !gone),
  async (client, model, stage) => {
    model.vanish(client);
    await stage.vanish(client.id);
  },
);

const joins = happening(
  "join is done",
  ({ joins }) => [...joins.keys()],
  async (index, model, stage) => {
    model.join(index);
    await stage.join(index);
  },
);

/** One end vanishes before the two are joined: the other goes back, to the head of its queue. */
const fails = (end: 0 | 1) =>
  happening(
    `end ${end} vanishes, and the join fails`,
    ({ joins }) => [...joins.entries()],
    async ([index, { ends }], model, stage) => {
      const client = ends[end];
      if (!client.gone) {
        model.vanish(client);
        await stage.vanish(client.id);
      }
      model.join(index);
      await stage.join(index);
    },
  );

const addsRoute = happening(
  "route is added",
  (model) => ROUTES.filter((route) => !model.routes.some(({ f1, f2 }) => f1 === route.f1 && f2 === route.f2)),
  async (route, model, stage) => {
    if (model.routes.some(({ f1, f2 }) => f1 === route.f2 && f2 === route.f1)) return; // it is there, in the other order
    model.addRoute(route);
    stage.setRoute(route);
  },
);

const deletesRoute = (kill: boolean) =>
  happening(
    kill ? "route is deleted with its sessions" : "route is deleted",
    ({ routes }) => routes,
    async (route, model, stage) => {
      model.deleteRoute(route, kill);
      await stage.deleteRoute(route, kill);
    },
  );

const replacesRoute = happening(
  "route is replaced",
  ({ routes }) =>
    routes.flatMap((old) =>
      [
        { f1: old.f1, f2: old.f2 },
        { f1: old.f1, f2: old.f2, pin: KEYS[0] },
        { f1: old.f2, f2: old.f1 },
      ].map((route) => ({ old, route })),
    ),
  async ({ old, route }, model, stage) => {
    model.replaceRoute(old, route);
    await stage.replaceRoute(route);
  },
);

const revokes = happening(
  "is revoked",
  ({ clients }) => [...new Set(clients.map(({ name }) => name))],
  async (name, model, stage) => {
    model.revoke(name);
    await stage.revoke(name);
  },
);

const drains = fc.constantFrom(0, 2, 30).map(
  (seconds): Command => ({
    check: ({ reference }) => !reference.draining,
    async run({ reference: model }, stage) {
      model.drain(seconds);
      await stage.drain(seconds);
      expectSame(model, stage);
    },
    toString: () => `drains, within ${seconds} s`,
  }),
);

const timeGoesBy = fc.constantFrom(0, 1, 3, 20).map(
  (seconds): Command => ({
    check: () => true,
    async run({ reference: model }, stage) {
      model.advance(seconds);
      await stage.advance(seconds, (ms) => vi.advanceTimersByTimeAsync(ms));
      expectSame(model, stage);
    },
    toString: () => `${seconds} s go by`,
  }),
);

const isTaken = happening(
  "is taken for a peer elsewhere",
  (model) => model.in("waiting"),
  async (client, model, stage) => {
    model.take(client);
    expect(stage.take(client.id)).toBe(true);
  },
);

const isPutBack = happening(
  "is put back",
  (model) => model.in("taken"),
  async (client, model, stage) => {
    model.putBack(client);
    await stage.putBack(client.id);
  },
);

/** With every route there is, to begin with. */
export function begin(model: ReferencePairing, stage: Stage): void {
  for (const route of ROUTES) {
    model.addRoute(route);
    stage.setRoute(route);
  }
}

/** Arrivals, and what becomes of pairs, are frequent; what ends much at once is seldom. */
export function happenings(maxCommands: number): fc.Arbitrary<Iterable<Command>> {
  const often = [...Array.from({ length: 6 }, () => comes(true)), joins, fails(0), fails(1), vanishes];
  const sometimes = [comes(false), detaches, timeGoesBy, isTaken, isPutBack, addsRoute];
  const seldom = [deletesRoute(false), deletesRoute(true), replacesRoute, revokes, drains];
  return fc.commands([...often, ...often, ...often, ...sometimes, ...sometimes, ...seldom], {
    maxCommands,
    size: "max",
  });
}
