/**
 * Two connections become one: what comes from either goes to the other, with backpressure, and half-close in each direction
 * on its own. One that is cut off cuts off the other, so that neither takes it for the end of the data.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { net } from "./builtins.ts";

/**
 * Resolves when both directions have ended; rejects with the error of the one that broke, and then both are closed. Each
 * must have been made with `allowHalfOpen`.
 */
export function carry(one: Duplex, other: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let open = 2;
  const watch = (stream: Duplex, opposite: Duplex): void => {
    let broken: Error | null = null;
    stream.on("error", (error: Error) => {
      broken = error;
    });
    stream.once("close", () => {
      const inOrder = broken === null && stream.readableEnded && stream.writableFinished;
      if (!inOrder) {
        reject(broken ?? new Error("the connection was closed"));
        cutOff(opposite);
      }
      if (--open === 0) resolve();
    });
    stream.pipe(opposite);
  };
  watch(one, other);
  watch(other, one);
  if (one.destroyed) cutOff(other);
  if (other.destroyed) cutOff(one);
  return promise;
}

/** Not the end of the data: TCP says so by a reset, TLS by going without close_notify. A Unix socket has no word for it. */
function cutOff(stream: Duplex): void {
  // In the middle of Node's own shutdown a reset would leave the descriptor open.
  if (isTcp(stream) && !stream.writableEnded) stream.resetAndDestroy();
  else stream.destroy();
}

function isTcp(stream: Duplex): stream is Socket {
  return stream instanceof net().Socket && stream.remoteAddress !== undefined && !("encrypted" in stream);
}
