/** Work on thousands of things that does not hold up the event loop. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** What one turn of the event loop does: some milliseconds of whatever has to be done for a connection. */
const SLICE = 64;

/** Calls `act` for each of `all`; the first ones at once, the others in further turns. `act` must not throw. */
export async function inSlices<T>(all: readonly T[], act: (one: T) => void): Promise<void> {
  for (let done = 0; done < all.length; done += SLICE) {
    if (done > 0) await nextTurn();
    for (const one of all.slice(done, done + SLICE)) act(one);
  }
}
