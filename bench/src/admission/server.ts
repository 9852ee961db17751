/** A process that admits: by this relay, or by a bare `tls.createServer` that asks for the same certificates. */
import { type AddressInfo, createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { openDataPlane, Relay } from "@serverless-relay/core";

/** What the parent sends first; later messages ask for the CPU used so far. */
export interface Setup {
  readonly kind: "relay" | "bare";
  readonly credentials: { readonly cert: string; readonly key: string; readonly ca: string };
}

async function serve({ kind, credentials }: Setup): Promise<Server> {
  if (kind === "bare") {
    const options = { ...credentials, minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: false } as const;
    return createTlsServer(options, (socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end());
    });
  }
  const { plane } = await openDataPlane({ mode: "auto", threads: 1, pipes: 100 });
  const minute = 60_000;
  const relay = new Relay({
    credentials,
    plane,
    observe() {},
    limits: {
      headSize: 16_384,
      handshakes: 1_000,
      connections: 10_000,
      handshakesPerAddress: 512,
      arrivalsPerAddress: 1_000_000,
      arrivalsPerFunction: 1_000_000,
      connectionsPerFunction: 10_000,
      parkedPerFunction: 10_000,
      parkedPerRoute: 10_000,
      sessions: 5_000,
      sessionsPerFunction: 5_000,
      sessionsPerRoute: 5_000,
      maxDurationMs: null,
      handshakeTimeoutMs: minute,
      requestTimeoutMs: minute,
      detachTimeoutMs: minute,
      waitMs: minute,
      maxWaitMs: minute,
      idleTimeoutMs: minute,
      answerWithinMs: minute,
    },
  });
  relay.routes.set({ f1: "f1", f2: "f2" });
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    relay.accept(socket, { protocol: "connect" }),
  );
}

process.once("message", (setup: Setup) => {
  void serve(setup).then((server) => {
    server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
    process.on("message", () => {
      const { user, system } = process.cpuUsage();
      process.send?.({ milliseconds: (user + system) / 1000 });
    });
  });
});
