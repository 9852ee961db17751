/** The relay that anybody would write first: pairs two consecutive connections, and pipes them into one another. */
import { createServer, type Socket } from "node:net";

let waiting: Socket | null = null;

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on("error", () => {});
  if (waiting === null) {
    waiting = socket;
    return;
  }
  const peer = waiting;
  waiting = null;
  peer.pipe(socket);
  socket.pipe(peer);
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 }, () => console.log("ready"));
