/** Gathers what is found about the places that the configuration names, so that all of it can be reported at once. */
import { readFile } from "node:fs/promises";
import { explainIoError } from "../io-error.ts";
import { ConfigError } from "./config-error.ts";
import type { LoadedConfig } from "./load.ts";
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

  /** The file's text; null, and a problem noted, if it cannot be read. */
  async read(file: NamedFile): Promise<string | null> {
    try {
      return await readFile(file.path, "utf8");
    } catch (error) {
      this.problem(file, explainIoError(error, "read"));
      return null;
    }
  }

  /** @throws ConfigError if there was any problem */
  throwIfAny(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #line(file: NamedFile, what: string): string {
    return `${this.#loaded.at(file.keys)} ${file.path}: ${what}`;
  }
}
