/** Ends sessions of which there may be thousands, and those that are about to begin. */
import { inSlices } from "./in-slices.ts";
import type { Joins } from "./joins.ts";
import type { Joined, LiveSessions } from "./live-sessions.ts";
import type { Route } from "./pairing/routes.ts";
import type { CloseReason } from "./splice/plane.ts";

/**
 * Resets both ends of every session, or of those of one route. A pair that is being joined just now has been matched before: its
 * session ends as soon as it has begun. Resolves, once each has been told to, with how many.
 */
export async function endSessions(
  { sessions, joins }: { readonly sessions: LiveSessions; readonly joins: Joins },
  reason: CloseReason,
  route?: Route,
): Promise<number> {
  const live = new Set(route === undefined ? sessions.all() : sessions.on(route));
  const beginning = joins.underWay(route).map(async (join) => {
    const joined = await join.catch(() => null); // whoever asked for the join hears of that
    return joined === null || live.has(joined) ? 0 : endEach([joined], reason);
  });
  const ended = await Promise.all([endEach([...live], reason), ...beginning]);
  return ended.reduce((sum, count) => sum + count, 0);
}

async function endEach(ending: readonly Joined[], reason: CloseReason): Promise<number> {
  await inSlices(ending, ({ session }) => session.end(reason));
  return ending.length;
}
