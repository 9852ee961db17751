/**
 * Where the log's lines go. Lines of some milliseconds are written together: each write is a trip through Node's thread
 * pool, and one for every admission would be a good part of what an admission costs. It sleeps while nothing is logged.
 */
import type { pino } from "pino";

/** Writes asynchronously, and drops lines where its reader does not keep up. */
type Destination = ReturnType<typeof pino.destination>;

/** Nobody who follows a log notices. */
const TOGETHER_MS = 10;
/** Written at once where so many characters have come together. */
const FULL = 64 * 1024;

/** What pino writes to. */
export class LogFile {
  readonly #file: Destination;
  #lines = "";
  #timer: NodeJS.Timeout | null = null;

  constructor(file: Destination) {
    this.#file = file;
    process.once("exit", this.#flushAtExit);
  }

  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length >= FULL) this.#pass();
    else this.#timer ??= setTimeout(this.#pass, TOGETHER_MS);
  }

  readonly #pass = (): void => {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const lines = this.#lines;
    this.#lines = "";
    if (lines !== "") this.#file.write(lines);
  };

  readonly #flushAtExit = (): void => {
    this.#pass();
    try {
      this.#file.flushSync();
    } catch {
      // Its reader is gone, or too slow to be waited for: there is nowhere left to say so.
    }
  };
}
