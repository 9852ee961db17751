/** A connection as lines of text: read one at a time, in the order in which they came. */
import type { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";

export class Lines {
  readonly #stream: Duplex;
  readonly #decoder = new StringDecoder("utf8");
  readonly #complete: string[] = [];
  #rest = "";
  #over = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", this.#onData).on("end", this.#onOver).on("close", this.#onOver).on("error", this.#onError);
  }

  /** The next line, without its end; null once the other side has ended. Rejects if the connection breaks. */
  async next(): Promise<string | null> {
    while (this.#complete.length === 0 && !this.#over && this.#error === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const line = this.#complete.shift();
    if (line === undefined && this.#error !== null) throw this.#error;
    return line ?? null;
  }

  send(line: string): void {
    this.#stream.write(`${line}\n`);
  }

  /** Ends this side; the other may go on. */
  end(): void {
    this.#stream.end();
  }

  readonly #onData = (chunk: Buffer): void => {
    const parts = (this.#rest + this.#decoder.write(chunk)).split(/\r?\n/);
    this.#rest = parts.pop() ?? "";
    this.#complete.push(...parts);
    this.#wake?.();
  };

  readonly #onOver = (): void => {
    if (this.#rest !== "") this.#complete.push(this.#rest); // a last line that nobody ended
    this.#rest = "";
    this.#over = true;
    this.#wake?.();
  };

  readonly #onError = (error: Error): void => {
    this.#error = error;
    this.#wake?.();
  };
}
