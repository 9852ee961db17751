/**
 * Reloads the configuration and the files that it names: when it is told to (a signal, the control API), and by itself when one
 * of them changes. What is bad changes nothing, is reported to whoever asked, and stays in `report` until a reload is good
 * again. Reloads come one after another.
 */
import type * as api from "@serverless-relay/control-api";
import { ConfigError } from "../config/config-error.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { ControlFailure } from "../control/failure.ts";
import { ListenError } from "../listening/listener.ts";
import { NoPortLeft } from "../listening/route-listeners.ts";
import { changedKeys, keysForRestart } from "./changes.ts";
import { FileWatch } from "./file-watch.ts";
import { putInForce, type Reloadable } from "./put-in-force.ts";
import { filesOf, type Read, readSettled } from "./read-settled.ts";

type Trigger = api.ReloadReport["trigger"];

export class Reloader {
  readonly #parts: Reloadable;
  readonly #started: Config;
  readonly #watch: FileWatch;
  #loaded: LoadedConfig;
  #last: Promise<unknown> = Promise.resolve();
  #queued: Promise<api.ReloadResult> | null = null;
  #report: api.ReloadReport = { lastAt: null, trigger: null, ok: true, problems: [], restart: [], good: 0, bad: 0 };

  constructor(parts: Reloadable, loaded: LoadedConfig) {
    this.#parts = parts;
    this.#started = loaded.config;
    this.#loaded = loaded;
    this.#watch = new FileWatch(
      () => this.reloadUnasked("change"),
      (directory, error) =>
        parts.log.warn({ directory, why: error.message }, "changes here go unnoticed; tell relayd: relayctl reload"),
    );
  }

  /** Reloads by itself from now on, when a file changes. */
  async watch(): Promise<void> {
    await this.#watch.watch(filesOf(this.#loaded));
  }

  close(): void {
    this.#watch.close();
  }

  /** For `status` and metrics. */
  get report(): api.ReloadReport {
    return this.#report;
  }

  /**
   * Resolves when all is in force; with who was turned away. Throws ControlFailure `config_invalid`, with every problem, if the
   * files are bad: then nothing has changed.
   */
  reload(trigger: NonNullable<Trigger>): Promise<api.ReloadResult> {
    // Whoever asks while one is under way gets one that begins after that, together with all others who ask meanwhile.
    if (this.#queued !== null) return this.#queued;
    const turn = this.#last.then(() => {
      this.#queued = null;
      return this.#reload(trigger);
    });
    this.#queued = turn;
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** A reload that nobody waits for: what comes of it is in the log, and in `report`. */
  reloadUnasked(trigger: NonNullable<Trigger>): void {
    this.reload(trigger).catch((error: unknown) => {
      if (!(error instanceof ControlFailure))
        this.#parts.log.error({ err: error }, "the reload failed: a defect of relayd");
    });
  }

  /**
   * Says what a reload would do, and does nothing of it. `file`: of another configuration, which is looked at as if it were
   * this relayd's. Throws ControlFailure `config_invalid`.
   */
  async check(file?: string): Promise<api.ReloadResult> {
    try {
      const { loaded, materials } = await readSettled(file ?? this.#loaded.file, this.#parts);
      const changed = changedKeys(this.#parts, { config: loaded.config, materials });
      const restart = keysForRestart(this.#started, loaded.config);
      return { changed, restart, warnings: [...materials.warnings], refused: 0, ended: 0 };
    } catch (error) {
      throw new ControlFailure("config_invalid", problemsOf(error).join("\n"));
    }
  }

  async #reload(trigger: NonNullable<Trigger>): Promise<api.ReloadResult> {
    try {
      // First, so that whatever changes after it was read is noticed.
      await this.watch();
      const read = await readSettled(this.#loaded.file, this.#parts);
      const restart = keysForRestart(this.#started, read.loaded.config);
      const result = await this.#apply(read, restart);
      // Whoever asks for what the file says gets that; a CRL that has come takes nobody's debug level away.
      if (trigger !== "change") this.#parts.log.level = read.loaded.config.log.level;
      this.#noteGood(trigger, result);
      return result;
    } catch (error) {
      const problems = problemsOf(error);
      this.#noteBad(trigger, problems);
      throw new ControlFailure("config_invalid", problems.join("\n"));
    }
  }

  async #apply({ loaded, materials }: Read, restart: string[]): Promise<api.ReloadResult> {
    const warnings = [...materials.warnings];
    if (loaded.digest === this.#loaded.digest && materials.digest === this.#parts.materials.digest) {
      return { changed: [], restart, warnings, refused: 0, ended: 0 };
    }
    const done = await putInForce(this.#parts, { config: loaded.config, materials });
    this.#loaded = loaded;
    await this.watch(); // other files may be named now
    warnings.push(...done.routes.warnings);
    return {
      changed: [...done.changed],
      restart,
      warnings,
      refused: done.refused + done.routes.refused,
      ended: done.ended,
    };
  }

  #noteGood(trigger: Trigger, result: api.ReloadResult): void {
    const { ok, good, bad } = this.#report;
    const { changed, restart, warnings, refused, ended } = result;
    const same = changed.length === 0 && ok && restart.join() === this.#report.restart.join();
    if (same && trigger === "change") return; // something else happened next to the files
    this.#report = { lastAt: now(), trigger, ok: true, problems: [], restart, good: good + 1, bad };
    this.#parts.log.info({ trigger, changed, restart, refused, ended }, "reloaded");
    this.#keep(trigger, { changed, restart, refused, ended });
    for (const warning of warnings) this.#parts.log.warn(warning);
  }

  #noteBad(trigger: Trigger, problems: string[]): void {
    const { restart, good, bad } = this.#report;
    const known = !this.#report.ok && problems.join() === this.#report.problems.join();
    if (known && trigger === "change") return;
    this.#report = { lastAt: now(), trigger, ok: false, problems, restart, good, bad: bad + 1 };
    this.#parts.log.error({ trigger, problems }, "not reloaded, and nothing has changed");
    this.#keep(trigger, { problems });
  }

  /** In the audit log, with what came of it; of a request the control API records who made it, too. */
  #keep(trigger: Trigger, outcome: object): void {
    this.#parts.audit?.change({ change: "reloaded", caller: null, trigger, ...outcome });
  }
}

function now(): string {
  return new Date().toISOString();
}

/** Expected errors in their own words; a bug is thrown on. */
function problemsOf(error: unknown): string[] {
  if (error instanceof ConfigError) return [...error.problems];
  if (error instanceof ListenError || error instanceof NoPortLeft) return [error.message];
  throw error;
}
