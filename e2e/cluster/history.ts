/** What the ends of many pairs saw, and whether that may be so. */

/** One connection that was told that it is paired. */
export interface Meeting {
  /** which pair it belongs to: its channel */
  readonly pair: string;
  readonly name: "f1" | "f2";
  readonly session: string;
  /** what its peer said of itself; null if the connection broke before */
  readonly heard: { readonly pair: string; readonly name: string } | null;
}

/** One end of a pair: all that happened to it until it had talked to its peer, or gave up. */
export interface EndHistory {
  readonly pair: string;
  readonly name: "f1" | "f2";
  readonly meetings: readonly Meeting[];
  readonly outcome: "talked" | "gave up";
}

/** Every way in which the history is wrong; empty if it is right. */
export function faultsOf(history: readonly EndHistory[]): string[] {
  return [...eachEnd(history), ...eachSession(history.flatMap(({ meetings }) => meetings))];
}

function* eachEnd(history: readonly EndHistory[]): Generator<string> {
  for (const { pair, name, meetings, outcome } of history) {
    const who = `${name} of ${pair}`;
    // Its relay may have been killed when the peer had heard it, and it had not heard the peer: that one does not come again.
    const last = history.find((end) => end.pair === pair && end.name !== name)?.meetings.find(({ heard }) => heard);
    const was = meetings.some(({ session }) => session === last?.session);
    if (outcome === "gave up" && !was) yield `${who} never talked to its peer, though all was well in the end`;
    if (meetings.filter(({ heard }) => heard !== null).length > 1) yield `${who} talked in two sessions`;
    for (const { heard, session } of meetings) {
      if (heard === null) continue;
      if (heard.pair !== pair) yield `${who} heard ${heard.name} of ${heard.pair} in session ${session}`;
      if (heard.name === name) yield `${who} heard its own kind in session ${session}`;
    }
  }
}

function* eachSession(meetings: readonly Meeting[]): Generator<string> {
  const sessions = Map.groupBy(meetings, ({ session }) => session);
  for (const [session, ends] of sessions) {
    if (new Set(ends.map(({ pair }) => pair)).size > 1) yield `session ${session} joins different channels`;
    for (const name of ["f1", "f2"] as const) {
      const count = ends.filter((end) => end.name === name).length;
      if (count > 1) yield `session ${session} has ${name} ${count} times`;
    }
    // One that heard its peer was joined to it: the peer was told of the same session, or broke before it could read that.
    const [one, other] = ends;
    if (one?.heard && other?.heard && one.heard.name !== other.name) yield `session ${session} crosses its ends`;
  }
}
