/** What the ends of many pairs saw, and what the relays did, and whether that may be so. */

/** One attempt to meet the peer, at one relay. Times are `Date.now()`. */
export interface Attempt {
  readonly relay: number;
  readonly begun: number;
  readonly ended: number;
  /** that it was told of; null if it was not paired */
  readonly session: string | null;
  /** what its peer said of itself; null if the connection broke before */
  readonly heard: { readonly pair: string; readonly name: string } | null;
  /** paired, refused, or the connection broke: not left without a word until it gave up */
  readonly told: boolean;
  /** of its refusal, if that is what it was told */
  readonly reason?: string;
}

/** One end of a pair: all that happened to it until it had talked to its peer, or gave up. */
export interface EndHistory {
  /** its channel */
  readonly pair: string;
  readonly name: "f1" | "f2";
  readonly attempts: readonly Attempt[];
  readonly outcome: "talked" | "gave up";
}

/** A session, as a relay's log has it: at both relays, if it is across two. */
export interface Joined {
  readonly relay: number;
  readonly session: string;
  readonly channel: string;
  readonly route: readonly string[];
  readonly ends: readonly { readonly connection: string; readonly name: string; readonly transport: string }[];
}

/** A time in which a relay could tell nobody anything. */
export interface Silence {
  readonly relay: number;
  readonly from: number;
  readonly until: number;
  /** it was killed, and what it had not written of its log yet is lost */
  readonly killed?: boolean;
}

export interface History {
  readonly ends: readonly EndHistory[];
  readonly joined: readonly Joined[];
  readonly silences: readonly Silence[];
}

/** A relay writes of its log what it has, and then what has come meanwhile: within so many ms. */
const LOG_MS = 1_000;

/** Every way in which the history is wrong; empty if it is right. */
export function faultsOf({ ends, joined, silences }: History): string[] {
  return [
    ...unmet(ends),
    ...eachEnd(ends),
    ...eachToldSession(ends),
    ...eachJoinedSession(joined),
    ...eachConnection(joined),
    ...unlogged({ ends, joined, silences }),
    ...untold(ends, silences),
  ];
}

/** In the end all is well, and each end meets its peer. */
function* unmet(ends: readonly EndHistory[]): Generator<string> {
  for (const { pair, name, attempts, outcome } of ends) {
    if (outcome === "talked") continue;
    // Its relay may have been killed when the peer had heard it, and it had not heard the peer: that one does not come again.
    const peer = ends.find((end) => end.pair === pair && end.name !== name);
    const last = peer?.attempts.find(({ heard }) => heard !== null)?.session;
    const was = attempts.some(({ session }) => session !== null && session === last);
    if (!was) yield `${name} of ${pair} never talked to its peer, though all was well in the end`;
  }
}

function* eachEnd(ends: readonly EndHistory[]): Generator<string> {
  for (const { pair, name, attempts } of ends) {
    const who = `${name} of ${pair}`;
    if (attempts.filter(({ heard }) => heard !== null).length > 1) yield `${who} talked in two sessions`;
    const told = attempts.flatMap(({ session }) => session ?? []);
    if (new Set(told).size < told.length) yield `${who} was told twice of the same session`;
    for (const { heard, session } of attempts) {
      if (heard === null) continue;
      if (heard.pair !== pair) yield `${who} heard ${heard.name} of ${heard.pair} in session ${session}`;
      if (heard.name === name) yield `${who} heard its own kind in session ${session}`;
    }
  }
}

/** A session has at most one f1 and one f2, both of the same pair. */
function* eachToldSession(ends: readonly EndHistory[]): Generator<string> {
  const told = ends.flatMap(({ pair, name, attempts }) =>
    attempts.flatMap(({ session }) => (session === null ? [] : [{ pair, name, session }])),
  );
  for (const [session, members] of Map.groupBy(told, (one) => one.session)) {
    if (new Set(members.map(({ pair }) => pair)).size > 1) yield `session ${session} joins different channels`;
    for (const name of ["f1", "f2"] as const) {
      const count = members.filter((member) => member.name === name).length;
      if (count > 1) yield `session ${session} has ${name} ${count} times`;
    }
  }
}

/** By the relays' logs: one route, one channel; at most once at each relay; at two relays only by hops, one at each. */
function* eachJoinedSession(joined: readonly Joined[]): Generator<string> {
  for (const [session, parts] of Map.groupBy(joined, (part) => part.session)) {
    if (new Set(parts.map(({ channel }) => channel)).size > 1) yield `relays join channels in session ${session}`;
    if (new Set(parts.map(({ route }) => route.toSorted().join(" "))).size > 1)
      yield `relays join routes in session ${session}`;
    if (new Set(parts.map(({ relay }) => relay)).size < parts.length)
      yield `one relay has joined session ${session} twice`;
    for (const { ends, relay } of parts) {
      if (new Set(ends.map(({ name }) => name)).size < 2) yield `relay ${relay} joins a name with itself in ${session}`;
      const hops = ends.filter(({ transport }) => transport === "hop").length;
      if (hops > 1) yield `relay ${relay} joins two hops in session ${session}`;
      if (hops === 0 && parts.length > 1) yield `session ${session} is local at relay ${relay}, and elsewhere, too`;
    }
  }
}

/** A function's connection is in one session at most. */
function* eachConnection(joined: readonly Joined[]): Generator<string> {
  const ends = joined.flatMap(({ session, ends: both }) => both.map((end) => ({ ...end, session })));
  const functions = ends.filter(({ transport }) => transport !== "hop");
  for (const [connection, sessions] of Map.groupBy(functions, (end) => end.connection)) {
    if (sessions.length > 1)
      yield `connection ${connection} is in sessions ${sessions.map(({ session }) => session).join(", ")}`;
  }
}

/** A session in which somebody talked is in a log, unless its relay was killed just then. */
function* unlogged({ ends, joined, silences }: History): Generator<string> {
  const logged = new Set(joined.map(({ session }) => session));
  for (const { pair, name, attempts } of ends) {
    for (const { session, heard, relay, begun, ended } of attempts) {
      if (session === null || heard === null || logged.has(session)) continue;
      const lost = silences.some(
        (one) => one.killed === true && one.relay === relay && one.from >= begun && one.from <= ended + LOG_MS,
      );
      if (!lost) yield `${name} of ${pair} talked in session ${session} at relay ${relay}, which has not logged it`;
    }
  }
}

/** Whoever waits is paired, or told, in time: unless its relay could tell nobody anything. */
function* untold(ends: readonly EndHistory[], silences: readonly Silence[]): Generator<string> {
  for (const { pair, name, attempts } of ends) {
    for (const { told, relay, begun, ended } of attempts) {
      if (told) continue;
      const excused = silences.some((one) => one.relay === relay && one.from <= ended && one.until >= begun);
      if (!excused) yield `${name} of ${pair} was told nothing by relay ${relay} for ${ended - begun} ms`;
    }
  }
}
