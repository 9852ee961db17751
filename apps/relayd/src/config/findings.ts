/** Gathers what is found about the places that the configuration names, so that all of it can be reported at once. */
import { createHash } from "node:crypto";
import { explainIoError } from "../io-error.ts";
import { ConfigError } from "./config-error.ts";
import type { LoadedConfig } from "./load.ts";
import { readRegularFile } from "./read-file.ts";
import type { KeyPath } from "./source.ts";

/** A file that a key of the configuration names. */
export interface NamedFile {
  readonly keys: KeyPath;
  /** absolute */
  readonly path: string;
}

export class Findings {
  readonly warnings: string[] = [];
  readonly #problems: string[] = [];
  readonly #read = createHash("sha256");
  readonly #loaded: LoadedConfig;

  constructor(loaded: LoadedConfig) {
    this.#loaded = loaded;
  }

  /** `what` is "what is wrong; what to do" */
  problem(file: NamedFile, what: string): void {
    this.#problems.push(this.#line(file, what));
  }

  /** something that relayd can live with, but that its operator should know */
  warning(file: NamedFile, what: string): void {
    this.warnings.push(this.#line(file, what));
  }

  /**
   * Something that a relay can be started with, for who starts it reads the warning; a running one does not take it up, unless
   * it lives with it already. `inForce`: whether it does; undefined at the start.
   */
  newProblem(file: NamedFile, what: string, inForce: boolean | undefined): void {
    if (inForce === false) this.problem(file, what);
    else this.warning(file, what);
  }

  /** The file's text; null, and a problem noted, if it cannot be read. */
  async read(file: NamedFile): Promise<string | null> {
    try {
      const text = (await readRegularFile(file.path)).toString("utf8");
      this.#read.update(`${file.path}\0${text.length}\0${text}`);
      return text;
    } catch (error) {
      this.problem(file, explainIoError(error, "read"));
      return null;
    }
  }

  /** Stands for all that was read. To be asked once. */
  digest(): string {
    return this.#read.digest("hex");
  }

  /** @throws ConfigError if there was any problem */
  throwIfAny(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #line(file: NamedFile, what: string): string {
    return `${this.#loaded.at(file.keys)} ${file.path}: ${what}`;
  }
}
