/** A mapper or a reducer, in a process of its own. The driver says by messages what to do, and hears how it went. */
import type { Exchange, Place } from "./exchange.ts";
import { natsExchange } from "./ways/nats.ts";
import { redisExchange } from "./ways/redis.ts";
import { relayExchange } from "./ways/relay.ts";
import { map, openAll, reduce, type Tally } from "./work.ts";

export interface Task {
  readonly place: Place;
  readonly role: "mapper" | "reducer";
  readonly index: number;
  /** how many there are of the other role */
  readonly others: number;
  /** of each mapper */
  readonly words: number;
}

export type Report =
  | { readonly state: "up" | "connected" }
  | { readonly state: "done"; readonly tallies: readonly Tally[] };

async function enter(place: Place): Promise<Exchange> {
  if (place.way === "relay") return relayExchange(place);
  return place.way === "nats" ? await natsExchange(place) : redisExchange(place);
}

async function work({ place, role, index, others, words }: Task): Promise<void> {
  const exchange = await enter(place);
  if (role === "mapper") {
    const sinks = await openAll(others, (reducer) => exchange.send(index, reducer));
    await told("connected");
    report({ state: "done", tallies: await map(sinks, index, words) });
  } else {
    const streams = await openAll(others, (mapper) => exchange.receive(mapper, index));
    await told("connected");
    const reducers = others; // as many as there are mappers
    report({ state: "done", tallies: await Promise.all(streams.map((blocks) => reduce(blocks, index, reducers))) });
  }
  await exchange.close();
  process.disconnect();
}

/** Reports a state, and waits for the driver's next message. */
function told<T>(state: "up" | "connected"): Promise<T> {
  const message = new Promise<T>((resolve) => process.once("message", (value) => resolve(value as T)));
  report({ state });
  return message;
}

function report(what: Report): void {
  process.send?.(what);
}

await work(await told<Task>("up"));
