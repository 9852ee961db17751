/** Started in a network namespace, it dials for its parent: a socket stays in the namespace that it was made in, whoever holds it. */
import { connect } from "node:net";

const PATIENCE_MS = 5_000;

function dial({ host, port }: { readonly host: string; readonly port: number }): void {
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true, timeout: PATIENCE_MS });
  socket.once("connect", () => {
    socket.setTimeout(0);
    process.send?.({ error: null }, socket);
  });
  socket.once("timeout", () => socket.destroy(new Error("no answer")));
  socket.once("error", (error) => process.send?.({ error: error.message }));
}

process.on("message", (asked: { readonly host: string; readonly port: number }) => dial(asked));
process.once("disconnect", () => process.exit());
process.send?.({ ready: true });
