/**
 * Tells when one of some files may have changed. It sleeps until the kernel says so: there is no polling. A burst of changes
 * is told of once, when it is over: half of a file is rarely seen then.
 */
import { type FSWatcher, watch } from "node:fs";
import { basename } from "node:path";
import { findWatchPoints } from "./watch-points.ts";

/** Quiet for so long, a burst of changes is over. */
const QUIET_MS = 100;
/** A burst that does not end is told of all the same. */
const PATIENCE_MS = 500;

export class FileWatch {
  readonly #onChange: () => void;
  readonly #onTrouble: (directory: string, error: Error) => void;
  readonly #watchers = new Map<string, { watcher: FSWatcher; names: ReadonlySet<string> }>();
  #quiet: NodeJS.Timeout | null = null;
  #burstBegan = 0;
  #closed = false;

  /** `onTrouble`: a directory cannot be watched, so that changes in it go unnoticed. */
  constructor(onChange: () => void, onTrouble: (directory: string, error: Error) => void) {
    this.#onChange = onChange;
    this.#onTrouble = onTrouble;
  }

  /**
   * Watches these files, and no others any more; absolute paths. To be called again after each change, for the way to a file
   * may lead elsewhere by then.
   */
  async watch(paths: readonly string[]): Promise<void> {
    const points = await findWatchPoints(paths);
    if (this.#closed) return;
    for (const [directory, { watcher }] of this.#watchers) {
      // Always anew: the directory of this name may be another one.
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const [directory, names] of points) this.#open(directory, names);
  }

  close(): void {
    this.#closed = true;
    if (this.#quiet !== null) clearTimeout(this.#quiet);
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #open(directory: string, names: ReadonlySet<string>): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        // Without a name, or with its own, the directory itself has moved or gone.
        if (name === null || names.has(name) || basename(directory) === name) this.#note();
      });
      watcher.on("error", (error) => {
        watcher.close();
        this.#onTrouble(directory, error);
      });
      this.#watchers.set(directory, { watcher, names });
    } catch (error) {
      this.#onTrouble(directory, error as Error);
    }
  }

  #note(): void {
    const now = performance.now();
    if (this.#quiet === null) this.#burstBegan = now;
    else clearTimeout(this.#quiet);
    const wait = Math.min(QUIET_MS, Math.max(0, this.#burstBegan + PATIENCE_MS - now));
    this.#quiet = setTimeout(() => {
      this.#quiet = null;
      this.#onChange();
    }, wait);
    this.#quiet.unref();
  }
}
