/**
 * The audit log: who was admitted, paired with whom, how much they sent and how it ended; and who changed what at the
 * control socket. It is for keeping: unlike the log, it has no levels, and no line of it is dropped without a word.
 * docs/audit-log.md has every entry.
 */
import { dirname } from "node:path";
import type { Logger } from "pino";
import type { DaemonEvent } from "../daemon-event.ts";
import { explainIoError, reason } from "../io-error.ts";
import { makeDirectory } from "../make-directory.ts";
import type { Reading } from "../metrics/reading.ts";
import { AuditFile } from "./audit-file.ts";

/** Who is behind a connection of a Unix socket, as the kernel says. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** Something that an operator changed, or tried to. */
export interface Change {
  /** what was asked for: the operationId of the control API, or what a signal means */
  readonly change: string;
  /** null where it cannot be known: no request of the control socket, or another system than Linux */
  readonly caller: Caller | null;
  readonly [detail: string]: unknown;
}

/** The message is "PATH: what is wrong; what to do". */
export class AuditError extends Error {
  override readonly name = "AuditError";
}

export class AuditLog {
  readonly #file: AuditFile;
  readonly #log: Logger;

  private constructor(file: AuditFile, log: Logger) {
    this.#file = file;
    this.#log = log;
  }

  /** Throws AuditError if the file cannot be written to. */
  static async open(path: string, log: Logger): Promise<AuditLog> {
    const trouble = {
      failing: (why: string) => log.error({ audit: path, why }, "the audit log cannot be written; see to that soon"),
      recovered: (lost: number) => log.warn({ audit: path, lost }, "the audit log can be written again"),
    };
    try {
      await makeDirectory(dirname(path), 0o700);
      return new AuditLog(await AuditFile.open(path, trouble), log);
    } catch (error) {
      throw new AuditError(`audit.file ${path}: ${explainIoError(error, "write")}`, { cause: error });
    }
  }

  /** Who merely knocks is the log's: what can be had without a certificate must not fill this file. */
  readonly observe = (event: DaemonEvent): void => {
    if (event.event === "dropped" || (event.event === "refused" && event.names.length === 0)) return;
    this.#write(event);
  };

  change(change: Change): void {
    this.#write({ event: "change", ...change });
  }

  /** relayd itself begins, or ends. */
  note(event: "started" | "stopped", details: object): void {
    this.#write({ event, ...details });
  }

  /** After the file was moved away. */
  async reopen(): Promise<void> {
    try {
      await this.#file.reopen();
      this.#log.info({ audit: this.#file.path }, "the audit log was opened anew");
    } catch (error) {
      const why = reason(error);
      this.#log.error({ audit: this.#file.path, why }, "the audit log cannot be opened anew; it goes on where it was");
    }
  }

  /** For the metrics. */
  readings(): Reading[] {
    return [
      {
        name: "relayd_audit_failing",
        type: "gauge",
        help: "1 while the audit log cannot be written.",
        read: () => (this.#file.failing ? 1 : 0),
      },
      {
        name: "relayd_audit_lost_lines_total",
        type: "counter",
        help: "Lines that the audit log lacks, for its file could not be written.",
        read: () => this.#file.lost,
      },
    ];
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #write(entry: object): void {
    this.#file.write({ time: new Date().toISOString(), ...entry });
  }
}
