/**
 * How two functions find each other that are parked at different relays.
 *
 * A relay listens at the place of each function that it has parked (listen, then ask: so of two that arrive at the same
 * moment at least one hears of the other). It asks at the place of the peer. Whoever is asked *grants*: it takes its
 * function out of its own rendezvous, and keeps it for the asker until the asker's connection comes, with the claim, or
 * the grant lapses. The asker takes its own function out as well, before it dials. So each of the two is held by exactly
 * one claim, or by none, and nothing is paired twice whatever is lost, late, or dies.
 *
 * Two that ask each other at the same moment: of the two the one with the smaller id grants, the other says "busy".
 * Otherwise both would be granted away, and both grants given back, again and again.
 *
 *     waiting ──grant──▶ kept ──redeemed──▶ paired
 *        ▲                 │
 *        └─────lapsed──────┘
 */
import { randomBytes } from "node:crypto";
import { type Bus, type Listening, NOBODY } from "./bus.ts";
import { type Answer, type Ask, answers, asks, releases } from "./claim-messages.ts";

/** A function that is parked here, and whose peer is not. */
export interface Waiter {
  /** unique in the cluster */
  readonly id: string;
  /** where it waits, and where its peer would (places.ts) */
  readonly place: string;
  readonly peerPlace: string;
  readonly role: "client" | "server" | undefined;
  /** Takes it out of this relay's rendezvous. False if it has been paired, or has left. */
  take(): boolean;
  /** Puts it back, at the head of its queue. It may have left meanwhile. */
  putBack(): void;
  /** Meets the peer that was granted; it has been taken. Rejects where that does not come about. */
  meet(grant: Grant): Promise<void>;
  /** Somebody came who asked for the same role. */
  noteConflict(): void;
  /** All were asked, and its peer waits with none of them. Not called where nobody could be asked. */
  noteNobody(): void;
}

export interface Grant {
  readonly claim: string;
  readonly relay: string;
  /** host:port of that relay's peer listener */
  readonly address: string;
}

/** This relay, to the others. */
export interface Self {
  readonly id: string;
  /** host:port at which the others dial it */
  readonly address: string;
}

/** How long a granted function is kept for a relay that does not come: that one may have died. */
const LAPSE_MS = 2_000;
/** A relay answers from memory. */
const ANSWER_MS = 1_000;
/** After "busy". The random part keeps two from asking each other in step for ever. */
const BUSY_MS = { least: 5, random: 40 };
/** After a grant that came to nothing; doubled each time. */
const FAILED_MS = { least: 50, most: 5_000 };
/**
 * Nobody is there: asked again at these times, for interest takes a moment to reach every server of a NATS cluster. After
 * that whoever arrives is the one to ask; what no message tells of, NATS servers that were cut off from each other, `lookForAll`
 * is there for. The last one is for what nobody has thought of, and rare: everybody who waits asks.
 */
const LOOKS_MS = [300, 5_000, 900_000] as const;
/** No answer: doubled each time. */
const UNANSWERED_MS = { least: 300, most: 120_000 };
/** After the message system was away, all that wait ask: spread over this long. */
const RETURN_SPREAD_MS = 500;

interface Seeking<W extends Waiter> {
  readonly waiter: W;
  asking: boolean;
  /** there was a reason to ask while it was asking, and no answer yet */
  again: boolean;
  /** taken out of the rendezvous, by a grant or for one */
  held: boolean;
  /** how often nobody was there */
  looks: number;
  /** how often there was no answer, since the last one */
  unanswered: number;
  /** how often a grant came to nothing */
  failures: number;
  timer: NodeJS.Timeout | null;
  /** when the timer is due: a later wish does not put it off */
  due: number;
  over: boolean;
}

interface Place<W extends Waiter> {
  readonly seekers: Set<Seeking<W>>;
  readonly listening: Listening;
}

/** `W`: what the caller keeps of a waiter. */
export class Claims<W extends Waiter> {
  readonly #bus: Bus;
  readonly #prefix: string;
  readonly #self: Self;
  readonly #places = new Map<string, Place<W>>();
  readonly #granted = new Map<string, { readonly seeking: Seeking<W>; readonly lapse: NodeJS.Timeout }>();
  readonly #releases: Listening;

  /** @param prefix of every subject: "relay.NAME" */
  constructor(bus: Bus, prefix: string, self: Self) {
    this.#bus = bus;
    this.#prefix = prefix;
    this.#self = self;
    this.#releases = bus.hear(this.#releaseSubject(self.id), this.#onRelease);
    bus.onReturn(() => this.lookForAll());
  }

  /** Functions that wait here for one elsewhere, and grants that are open. */
  get size(): { readonly seeking: number; readonly granted: number } {
    let seeking = 0;
    for (const { seekers } of this.#places.values()) seeking += seekers.size;
    return { seeking, granted: this.#granted.size };
  }

  /** Looks for the waiter's peer at other relays, and lets them find it, until the function that is returned is called. */
  seek(waiter: W): () => void {
    const seeking: Seeking<W> = {
      waiter,
      asking: false,
      again: false,
      held: false,
      looks: 0,
      unanswered: 0,
      failures: 0,
      timer: null,
      due: 0,
      over: false,
    };
    const place = this.#placeFor(waiter.place);
    place.seekers.add(seeking);
    void this.#look(seeking);
    return () => this.#leave(seeking);
  }

  /**
   * The function that was granted by `claim`, for which a relay has come: it is the caller's, to be joined, or put back with
   * `putBack`. Null if the grant has lapsed.
   */
  redeem(claim: string): W | null {
    const grant = this.#granted.get(claim);
    if (grant === undefined) return null;
    clearTimeout(grant.lapse);
    this.#granted.delete(claim);
    return grant.seeking.waiter;
  }

  /** The waiter that was redeemed could not be joined after all. */
  putBack(waiter: W): void {
    for (const seeking of this.#places.get(waiter.place)?.seekers ?? []) {
      if (seeking.waiter === waiter) this.#putBack(seeking);
    }
  }

  /** Something has changed that nobody was asked about: all that wait here ask once more, each in a moment of its own. */
  lookForAll(): void {
    for (const { seekers } of this.#places.values()) {
      for (const seeking of seekers) this.#lookAfter(seeking, Math.random() * RETURN_SPREAD_MS);
    }
  }

  close(): void {
    this.#releases.close();
    for (const { lapse } of this.#granted.values()) clearTimeout(lapse);
    this.#granted.clear();
    for (const { seekers } of this.#places.values()) {
      for (const seeking of seekers) this.#leave(seeking);
    }
  }

  #placeFor(token: string): Place<W> {
    const known = this.#places.get(token);
    if (known !== undefined) return known;
    const answer = (question: Uint8Array) => answers.encode(this.#answer(token, asks.decode(question)));
    const listening = this.#bus.listen(`${this.#prefix}.wait.${token}`, "one", answer);
    const place: Place<W> = { seekers: new Set(), listening };
    this.#places.set(token, place);
    return place;
  }

  /** Somebody elsewhere asks for whoever waits at `token`. */
  #answer(token: string, ask: Ask): Answer {
    let verdict: "nobody" | "conflict" | "busy" = "nobody";
    for (const seeking of this.#places.get(token)?.seekers ?? []) {
      const { waiter } = seeking;
      if (seeking.held) {
        if (verdict === "nobody") verdict = "busy";
      } else if (ask.role !== undefined && ask.role === waiter.role) {
        waiter.noteConflict();
        if (verdict === "nobody") verdict = "conflict";
      } else if (seeking.asking && ask.arrival < waiter.id) {
        verdict = "busy"; // it is asked in turn, and will grant
      } else if (waiter.take()) {
        return this.#grant(seeking);
      }
    }
    return { verdict };
  }

  #grant(seeking: Seeking<W>): Answer {
    seeking.held = true;
    const claim = randomBytes(18).toString("base64url");
    const lapse = setTimeout(() => this.#takeBack(claim), LAPSE_MS);
    this.#granted.set(claim, { seeking, lapse });
    return { verdict: "granted", claim, relay: this.#self.id, address: this.#self.address };
  }

  readonly #onRelease = (message: Uint8Array): void => {
    this.#takeBack(releases.decode(message).claim);
  };

  #takeBack(claim: string): void {
    const grant = this.#granted.get(claim);
    if (grant === undefined) return;
    clearTimeout(grant.lapse);
    this.#granted.delete(claim);
    this.#putBack(grant.seeking);
  }

  #putBack(seeking: Seeking<W>, lookAfterMs = 0): void {
    seeking.held = false;
    if (seeking.over) return;
    seeking.waiter.putBack();
    this.#lookAfter(seeking, lookAfterMs);
  }

  /** Asks whether the peer waits elsewhere, and meets it if so. */
  async #look(seeking: Seeking<W>): Promise<void> {
    if (seeking.over || seeking.held) return;
    this.#rest(seeking);
    if (seeking.asking) {
      seeking.again = true;
      return;
    }
    seeking.asking = true;
    seeking.again = false;
    const answer = await this.#ask(seeking.waiter);
    seeking.asking = false;
    if (answer.verdict !== "unknown") seeking.unanswered = 0;
    if (answer.verdict === "granted") await this.#accept(seeking, answer);
    else if (seeking.again) this.#lookAfter(seeking, 0);
    else if (answer.verdict === "busy") this.#lookAfter(seeking, BUSY_MS.least + Math.random() * BUSY_MS.random);
    else if (answer.verdict === "unknown") this.#lookAfter(seeking, doubled(UNANSWERED_MS, seeking.unanswered++));
    else this.#lookAfter(seeking, spread(LOOKS_MS[Math.min(seeking.looks++, LOOKS_MS.length - 1)] ?? 0));
    if (answer.verdict === "conflict") seeking.waiter.noteConflict();
    if (answer.verdict === "nobody" && !seeking.over && !seeking.held) seeking.waiter.noteNobody();
  }

  async #ask({ id, peerPlace, role }: Waiter): Promise<Answer | { readonly verdict: "unknown" }> {
    const question = asks.encode({ relay: this.#self.id, arrival: id, ...(role !== undefined && { role }) });
    try {
      const answer = await this.#bus.ask(`${this.#prefix}.wait.${peerPlace}`, question, ANSWER_MS);
      return answer === NOBODY ? { verdict: "nobody" } : answers.decode(answer);
    } catch {
      return { verdict: "unknown" };
    }
  }

  async #accept(seeking: Seeking<W>, grant: Grant): Promise<void> {
    if (seeking.over || seeking.held || !seeking.waiter.take()) {
      this.#release(grant);
      return;
    }
    seeking.held = true;
    try {
      await seeking.waiter.meet(grant);
    } catch {
      // That relay cannot be reached, maybe; its function must not be kept from others again and again.
      this.#release(grant);
      this.#putBack(seeking, doubled(FAILED_MS, seeking.failures++));
    }
  }

  #release({ claim, relay }: Grant): void {
    this.#bus.say(this.#releaseSubject(relay), releases.encode({ claim }));
  }

  #lookAfter(seeking: Seeking<W>, ms: number): void {
    const due = performance.now() + ms;
    if (seeking.over || (seeking.timer !== null && seeking.due <= due)) return;
    this.#rest(seeking);
    seeking.due = due;
    seeking.timer = setTimeout(() => void this.#look(seeking), ms);
  }

  #rest(seeking: Seeking<W>): void {
    if (seeking.timer !== null) clearTimeout(seeking.timer);
    seeking.timer = null;
  }

  #leave(seeking: Seeking<W>): void {
    if (seeking.over) return;
    seeking.over = true;
    this.#rest(seeking);
    const { place: token } = seeking.waiter;
    const place = this.#places.get(token);
    place?.seekers.delete(seeking);
    if (place === undefined || place.seekers.size > 0) return;
    place.listening.close();
    this.#places.delete(token);
  }

  #releaseSubject(relay: string): string {
    return `${this.#prefix}.relay.${relay}.release`;
  }
}

/** Each time twice as long. */
function doubled({ least, most }: { readonly least: number; readonly most: number }, times: number): number {
  return spread(Math.min(least * 2 ** times, most));
}

/** Not in step with others. */
function spread(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}
