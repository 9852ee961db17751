/**
 * Node's readers of a whole stream (`for await`, `text()`, `pipeline`) destroy it when they have come to its end. Over TCP that
 * is a FIN, and as good as `end()`. Over TLS it leaves out close_notify, and the peer cannot tell it from a connection that was
 * cut off: of two that read one another to the end, whoever was a moment later would fail with ConnectionTruncated.
 */
import type { TLSSocket } from "node:tls";

/** For a peer that takes nothing any more. */
const PATIENCE_MS = 10_000;

/**
 * From now on a socket whose peer has ended, and which therefore ends by itself (`allowHalfOpen` is false), does so also when it is
 * destroyed: what was written goes out first, and close_notify. With an error, or once more, it is cut off at once.
 */
export function endInOrder(socket: TLSSocket): void {
  const destroy = socket.destroy.bind(socket);
  let ending = false;
  socket.destroy = (error?: Error) => {
    const endsByItself = socket.readableEnded && !socket.allowHalfOpen && socket.errored === null;
    if (error || ending || !endsByItself || socket.writableFinished || socket.destroyed) return destroy(error);
    ending = true;
    const patience = setTimeout(() => destroy(), PATIENCE_MS);
    socket.once("finish", () => destroy()).once("close", () => clearTimeout(patience));
    if (!socket.writableEnded) socket.end();
    return socket;
  };
}
