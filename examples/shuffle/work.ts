/** The work itself: mappers sort random 32-bit words to reducers; what each pair has exchanged is counted and digested. */
import { BLOCK, type Sink } from "./exchange.ts";

export interface Tally {
  readonly words: number;
  /** of the words in their order */
  readonly digest: number;
}

const BYTES_PER_WORD = 4;

/** A mapper: word modulo number of reducers says to whom it goes. */
export async function map(sinks: readonly Sink[], mapper: number, words: number): Promise<Tally[]> {
  const piles = sinks.map((sink) => new Pile(sink));
  let word = (mapper + 1) * 0x9e3779b1; // a seed of its own for each
  for (let left = words; left > 0; left--) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    const pile = piles[(word >>> 0) % piles.length];
    if (pile?.put(word)) await pile.send();
  }
  await Promise.all(piles.map((pile) => pile.finish()));
  return piles.map(({ tally }) => tally);
}

/** A reducer: throws if a word is not for it. */
export async function reduce(blocks: AsyncIterable<Buffer>, reducer: number, reducers: number): Promise<Tally> {
  let words = 0;
  let digest = 0;
  let torn: Buffer = Buffer.alloc(0); // a stream gives chunks that may end within a word
  for await (const block of blocks) {
    const chunk = torn.length > 0 ? Buffer.concat([torn, block]) : block;
    const whole = chunk.length - (chunk.length % BYTES_PER_WORD);
    for (let at = 0; at < whole; at += BYTES_PER_WORD) {
      const word = chunk.readUInt32LE(at);
      if (word % reducers !== reducer) throw new Error(`word ${word} came to reducer ${reducer}`);
      digest = step(digest, word);
    }
    words += whole / BYTES_PER_WORD;
    torn = chunk.subarray(whole);
  }
  if (torn.length > 0) throw new Error(`${torn.length} bytes of a word came to reducer ${reducer}`);
  return { words, digest };
}

/** The words for one reducer. */
class Pile {
  readonly #sink: Sink;
  #block = new Uint32Array(BLOCK / BYTES_PER_WORD);
  #filled = 0;
  #words = 0;
  #digest = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Whether the block is full now. */
  put(word: number): boolean {
    this.#block[this.#filled++] = word;
    this.#words++;
    this.#digest = step(this.#digest, word);
    return this.#filled === this.#block.length;
  }

  async send(): Promise<void> {
    const block = Buffer.from(this.#block.buffer, 0, this.#filled * BYTES_PER_WORD);
    this.#block = new Uint32Array(BLOCK / BYTES_PER_WORD);
    this.#filled = 0;
    await this.#sink.write(block);
  }

  async finish(): Promise<void> {
    if (this.#filled > 0) await this.send();
    await this.#sink.end();
  }

  get tally(): Tally {
    return { words: this.#words, digest: this.#digest };
  }
}

/** The order counts: a word that is lost, repeated or moved gives another digest. */
function step(digest: number, word: number): number {
  return (Math.imul(digest, 31) + word) | 0;
}

/** Opens a conversation with each of `count` others. */
export function openAll<T>(count: number, open: (other: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, other) => open(other)));
}
