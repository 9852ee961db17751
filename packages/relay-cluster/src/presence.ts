/**
 * Notices that another relay is heard again which was not for a while. NATS servers that were cut off from one another tell
 * nobody when they are not any more; and who asked meanwhile was told that nobody waits, though somebody did.
 */
import type { Bus, Listening } from "./bus.ts";

/** How often each relay says that it is there. */
const EVERY_MS = 5_000;
/** The more relays, the more rarely: however many there are, each hears some ten a second. */
const EVERY_MS_FOR_EACH = 100;
/** Who was not heard for so many times that long was away. */
const MISSED = 2.5;
/** Nobody waits for so long: who comes back after it need not be known any more. */
const FORGOTTEN_MS = 60 * 60_000;
const LONGEST_ID = 128;

export class Presence {
  readonly #bus: Bus;
  readonly #subject: string;
  readonly #id: string;
  readonly #onReturned: () => void;
  readonly #listening: Listening;
  /** by id: `performance.now()` at which it was heard last */
  readonly #heard = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  /** runs for one period after it was told that some have returned; with `#more` since, it is told once again then */
  #telling: NodeJS.Timeout | null = null;
  #more = false;

  /**
   * @param prefix of every subject: "relayd.NAME"
   * @param onReturned is called when a relay is heard again that was not; where many are, at the first one, and once they all
   *     have had time to say so. One that has just started has nobody parked who could have been missed.
   */
  constructor(bus: Bus, prefix: string, id: string, onReturned: () => void) {
    this.#bus = bus;
    this.#subject = `${prefix}.here`;
    this.#id = id;
    this.#onReturned = onReturned;
    this.#listening = bus.hear(this.#subject, this.#onHere);
    this.#say();
  }

  close(): void {
    this.#listening.close();
    clearTimeout(this.#timer);
    if (this.#telling !== null) clearTimeout(this.#telling);
  }

  get #periodMs(): number {
    return Math.max(EVERY_MS, EVERY_MS_FOR_EACH * this.#heard.size);
  }

  readonly #onHere = (message: Uint8Array): void => {
    const id = Buffer.from(message).toString();
    if (id === this.#id || id === "" || id.length > LONGEST_ID) return;
    const now = performance.now();
    const before = this.#heard.get(id);
    this.#heard.set(id, now);
    if (before !== undefined && now - before > MISSED * this.#periodMs) this.#tell();
  };

  #tell(): void {
    this.#more = this.#telling !== null;
    if (this.#more) return;
    this.#onReturned();
    this.#telling = setTimeout(() => {
      this.#telling = null;
      if (this.#more) this.#tell();
    }, this.#periodMs);
  }

  readonly #say = (): void => {
    this.#bus.say(this.#subject, Buffer.from(this.#id));
    const now = performance.now();
    for (const [id, heardAt] of this.#heard) if (now - heardAt > FORGOTTEN_MS) this.#heard.delete(id);
    // Never later than the others reckon with; a little sooner, so that not all speak at once.
    this.#timer = setTimeout(this.#say, this.#periodMs * (0.75 + Math.random() / 4));
  };
}
