/**
 * Tells systemd how relayd is doing, by the protocol of sd_notify(3): datagrams to NOTIFY_SOCKET. Where there is no such
 * socket, telling is nothing. It never waits, and never fails: what cannot be told is logged once.
 */
import type { Logger } from "pino";
import { reason } from "../io-error.ts";

type Send = (message: string) => void;

/** Beyond the deadline of a drain: for last words, and to close the store. */
const DRAIN_MARGIN_MS = 10_000;

export class Notifier {
  readonly #send: Send;
  readonly #release: () => void;
  #status = "";

  private constructor(send: Send, release: () => void) {
    this.#send = send;
    this.#release = release;
  }

  /** @param address NOTIFY_SOCKET; undefined where systemd does not ask */
  static async open(address: string | undefined, log: Logger): Promise<Notifier> {
    if (address === undefined || address === "") return new Notifier(NOBODY, () => {});
    try {
      if (!/^[/@]/.test(address)) throw new Error("it is neither a path nor an abstract Unix socket");
      const { closeDescriptor, datagramSocket, errorName, sendTo } = await import("./libc.ts");
      const socket = datagramSocket();
      if (socket < 0) throw new Error(errorName(socket));
      let failed = false;
      const send = (message: string) => {
        const sent = sendTo(socket, address, message);
        if (sent >= 0 || failed) return;
        failed = true;
        log.warn({ socket: address, error: errorName(sent) }, "systemd cannot be told how relayd is doing");
      };
      return new Notifier(send, () => closeDescriptor(socket));
    } catch (error) {
      log.warn({ socket: address, error: reason(error) }, "systemd cannot be told how relayd is doing");
      return new Notifier(NOBODY, () => {});
    }
  }

  /** Whether there is anybody to tell. */
  get isHeard(): boolean {
    return this.#send !== NOBODY;
  }

  /** Serves; at first, or again after `reloading`. */
  ready(): void {
    this.#send("READY=1");
  }

  /** Reads its configuration anew; `ready` follows, whether or not it could be used. */
  reloading(): void {
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** Is going to end, and not before the time that systemd gives it is extended by what sessions are given. */
  stopping(due: number): void {
    const margin = Math.max(0, due - performance.now()) + DRAIN_MARGIN_MS;
    this.#send(`STOPPING=1\nEXTEND_TIMEOUT_USEC=${Math.ceil(margin) * 1000}`);
  }

  /** One line for `systemctl status`; sent if it is another one than before. */
  status(text: string): void {
    if (text === this.#status) return;
    this.#status = text;
    this.#send(`STATUS=${text}`);
  }

  /** Is alive, all of it. */
  alive(): void {
    this.#send("WATCHDOG=1");
  }

  close(): void {
    this.#release();
  }
}

const NOBODY: Send = () => {};
