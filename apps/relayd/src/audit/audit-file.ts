/**
 * The file of the audit log: one JSON object a line, appended. Promises: lines are written in their order, and whole; what
 * cannot be written now (a full disk) is kept and tried again, as far as there is room for it; what is lost beyond that is
 * counted and told; a file that was moved away (logrotate) is left, and one of its name made, by `reopen`.
 */
import { writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { errorCode, reason } from "../io-error.ts";

/** Lines of so many milliseconds are written together: each write is a trip through Node's thread pool. */
const TOGETHER_MS = 10;
/** Written at once where so many characters have come together. */
const FULL = 64 * 1024;
/** Kept while the file takes nothing. */
const KEPT = 8 * 1024 * 1024;
/** When a write that failed is tried again. */
const AGAIN_MS = 1_000;

export interface AuditTrouble {
  /** The file takes nothing: told once, until it does again. */
  failing(why: string): void;
  /** The file takes lines again; `lost` of them are missing. */
  recovered(lost: number): void;
}

export class AuditFile {
  readonly path: string;
  /** lines that were lost since the start */
  lost = 0;
  readonly #trouble: AuditTrouble;
  #file: FileHandle;
  #lines: string[] = [];
  #size = 0;
  /** what was begun to be written, and is to be finished before anything else */
  #rest: Buffer | null = null;
  #restLines = 0;
  #timer: NodeJS.Timeout | null = null;
  /** what is done to the file, one after the other */
  #work: Promise<void> = Promise.resolve();
  #failing = false;
  #lostSince = 0;

  private constructor(path: string, file: FileHandle, trouble: AuditTrouble) {
    this.path = path;
    this.#file = file;
    this.#trouble = trouble;
    process.once("exit", this.#writeAtExit);
  }

  /** Rejects with the file system's error. */
  static async open(path: string, trouble: AuditTrouble): Promise<AuditFile> {
    return new AuditFile(path, await openToAppend(path), trouble);
  }

  /** Whether what was last tried to be written could not be. */
  get failing(): boolean {
    return this.#failing;
  }

  write(entry: object): void {
    if (this.#size > KEPT) {
      this.lost++;
      this.#lostSince++;
      return;
    }
    const line = `${JSON.stringify(entry)}\n`;
    this.#lines.push(line);
    this.#size += line.length;
    if (this.#failing) return; // it is tried again anyway
    if (this.#size >= FULL) this.#flushSoon(0);
    else this.#flushSoon(TOGETHER_MS);
  }

  /** Closes the file and opens what has its name now. Rejects, and goes on with the file that it has, if that fails. */
  async reopen(): Promise<void> {
    await this.flush(); // what came before the move is the old file's
    await this.#next(async () => {
      const old = this.#file;
      this.#file = await openToAppend(this.path);
      await old.close();
    });
    await this.flush();
  }

  /** Tries to write all that there is. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    return this.#next(() => this.#writeAll());
  }

  /** Writes what it can, and closes. Lines that could not be written are lost, and told so. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    const left = this.#restLines + this.#lines.length;
    if (left > 0) {
      this.lost += left;
      this.#trouble.failing(`${left + this.#lostSince} lines were not written, and are lost`);
    }
    process.off("exit", this.#writeAtExit);
    await this.#file.close();
  }

  #flushSoon(ms: number): void {
    this.#timer ??= setTimeout(() => void this.flush(), ms);
  }

  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#rest !== null || this.#lines.length > 0) await this.#writeSome();
      this.#recovered();
    } catch (error) {
      if (!this.#failing) this.#trouble.failing(`${errorCode(error) || "error"}: ${reason(error)}`);
      this.#failing = true;
      this.#flushSoon(AGAIN_MS);
    }
  }

  async #writeSome(): Promise<void> {
    if (this.#rest === null) {
      this.#rest = Buffer.from(this.#lines.join(""));
      this.#restLines = this.#lines.length;
      this.#lines = [];
    }
    const { bytesWritten } = await this.#file.write(this.#rest);
    this.#rest = this.#rest.subarray(bytesWritten);
    if (this.#rest.length > 0) return;
    this.#rest = null;
    this.#restLines = 0;
    this.#size = this.#lines.reduce((sum, line) => sum + line.length, 0);
  }

  /** What has not been begun: Node ends only when a write under way is done. */
  readonly #writeAtExit = (): void => {
    if (this.#failing || this.#lines.length === 0) return;
    try {
      writeSync(this.#file.fd, this.#lines.join(""));
    } catch (error) {
      this.#trouble.failing(`${this.#lines.length} lines were not written, and are lost: ${reason(error)}`);
    }
  };

  #recovered(): void {
    if (!this.#failing && this.#lostSince === 0) return;
    this.#failing = false;
    const lost = this.#lostSince;
    this.#lostSince = 0;
    this.#trouble.recovered(lost);
  }
}

/** It names who talks to whom: nobody else is to read it. The mode of a file that is there already is left as it is. */
function openToAppend(path: string): Promise<FileHandle> {
  return open(path, "a", 0o600);
}
