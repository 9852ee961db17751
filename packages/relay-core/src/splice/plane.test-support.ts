/** A data plane, and connections for it: what each of its tests begins with. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect } from "vitest";
import type { DataPlane, Leg, Session } from "./plane.ts";

export const NOTHING = Buffer.alloc(0);

/** A function's side of a connection, and what the plane has of it. */
export interface End {
  readonly socket: Socket;
  readonly leg: Leg;
  readonly departed: Promise<void>;
}

export interface PlaneStage {
  /** anew for each test */
  readonly plane: DataPlane;
  readonly parked: (readAhead?: Buffer) => Promise<End>;
  readonly joined: (a: End, b: End, heads?: [Buffer, Buffer]) => Promise<Session>;
}

/** Within a `describe`: sets up a plane for each test, and looks after it whether the plane has let go of all it was given. */
export function planeStage(open: () => DataPlane): PlaneStage {
  let plane: DataPlane;
  let server: Server;
  const relaySide = new Set<Socket>();

  beforeEach(async () => {
    plane = open();
    server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });

  afterEach(async () => {
    await plane.close();
    server.close();
    for (const socket of relaySide) await expect.poll(() => socket.destroyed).toBe(true);
    relaySide.clear();
  });

  /** Both ends of a TCP connection: the function's, and the relay's. */
  async function connection(): Promise<[Socket, Socket]> {
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "connection");
    const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const [relay] = (await accepted) as [Socket];
    relaySide.add(relay);
    near.on("error", () => {});
    return [near, relay];
  }

  return {
    get plane() {
      return plane;
    },
    async parked(readAhead = NOTHING) {
      const [socket, relay] = await connection();
      const { promise: departed, resolve } = Promise.withResolvers<void>();
      return { socket, departed, leg: plane.park({ kind: "bare", socket: relay, readAhead }, resolve) };
    },
    async joined(a, b, heads = [NOTHING, NOTHING]) {
      const session = await plane.join(a.leg, heads[0], b.leg, heads[1]);
      if (session === null) throw new Error("an end had departed");
      return session;
    },
  };
}

/** Resolves to false once nothing has moved out of `socket` for a while. */
export async function idle(socket: Socket): Promise<boolean> {
  let last = -1;
  while (socket.bytesWritten - socket.writableLength !== last) {
    last = socket.bytesWritten - socket.writableLength;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
