/** The terminal while `relayctl top` has it: a screen of its own, given back whatever happens. */
import type { ReadStream, WriteStream } from "node:tty";

const ENTER = "\u001b[?1049h\u001b[?25l"; // the alternate screen; no cursor
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

export class Screen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  #isOpen = true;

  /** `onKey` is given each key as text, Ctrl-C as "\u0003". `onResize`: it has another size now. */
  constructor(input: ReadStream, output: WriteStream, onKey: (key: string) => void, onResize: () => void) {
    this.#input = input;
    this.#output = output;
    output.write(ENTER);
    input.setRawMode(true);
    input.setEncoding("utf8");
    input.on("data", (keys: string | Buffer) => {
      for (const key of keys.toString()) onKey(key);
    });
    input.resume();
    output.on("resize", onResize);
    process.once("exit", this.close);
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 };
  }

  draw(lines: readonly string[]): void {
    // No line feed behind the last line: it would scroll.
    this.#output.write(HOME + lines.map((line) => line + CLEAR_LINE).join("\r\n") + CLEAR_BELOW);
  }

  readonly close = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off("exit", this.close);
    this.#input.setRawMode(false);
    this.#input.pause();
    this.#output.write(LEAVE);
  };
}
