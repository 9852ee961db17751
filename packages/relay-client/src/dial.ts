/** The first phase: TCP to the relay, and the outer TLS over it, the relay's certificate verified by Node's own rules. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { RecordStream } from "@serverless-relay/protocol";
import { net, tls } from "./builtins.ts";
import { RelayNotVerified, RelayUnreachable } from "./errors.ts";
import { outerContextOf } from "./identity.ts";
import { isNetworkError, messageOf } from "./node-error.ts";
import type { Plan, RelayAddress } from "./options.ts";

/** A verified connection to the relay, nothing said yet. */
export interface Link {
  readonly relay: RelayAddress;
  readonly socket: Socket;
  readonly records: RecordStream;
  readonly outer: TLSSocket;
}

/** What of a plan this phase needs. */
export type Destination = Pick<Plan, "relay" | "relayCa" | "servername" | "identity"> & {
  /** the key exchange of the outer TLS; default: what Node offers */
  readonly ecdhCurve?: string | undefined;
};

/** `socket` is already on its way to the relay. Throws RelayUnreachable or RelayNotVerified. */
export async function dial(socket: Socket, plan: Destination): Promise<Link> {
  await opened(socket, "connect", (why) => unreachable(plan.relay, "", why));
  const records = new RecordStream(socket);
  const outer = tls().connect({
    socket: records,
    secureContext: outerContextOf(plan.identity, plan.relayCa, plan.ecdhCurve),
    ALPNProtocols: ["http/1.1"],
    rejectUnauthorized: true, // said aloud, so that the environment cannot turn it off
    ...expectedName(plan.servername),
  });
  records.watch(outer);
  outer.on("error", () => {}); // each phase listens for itself; nothing in between may end the process
  await opened(outer, "secureConnect", (why) => tlsFailed(plan, outer, why));
  return { relay: plan.relay, socket, records, outer };
}

// An IP address is compared with the certificate's IP SANs, and may not be sent as SNI (RFC 6066 §3).
function expectedName(servername: string): { host: string; servername?: string } {
  return net().isIP(servername) === 0 ? { host: servername, servername } : { host: servername };
}

async function opened(
  socket: Socket,
  event: "connect" | "secureConnect",
  translate: (why: unknown) => Error,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onClose = (): void => reject(new Error("the connection was closed"));
  socket.on(event, resolve).on("error", reject).on("close", onClose);
  try {
    await promise;
  } catch (error) {
    throw translate(error);
  } finally {
    socket.off(event, resolve).off("error", reject).off("close", onClose);
  }
}

// Node sets `authorizationError` for a verdict on the certificate, and for nothing else.
function tlsFailed({ relay, servername }: Destination, outer: TLSSocket, why: unknown): Error {
  if (!outer.authorizationError) return unreachable(relay, ": TLS", why);
  return new RelayNotVerified(
    `relay ${formatAddress(relay)} did not prove to be ${servername}: ${messageOf(why)}; see relayCa and servername`,
    why,
  );
}

function unreachable(relay: RelayAddress, phase: string, why: unknown): RelayUnreachable {
  return new RelayUnreachable(
    `relay ${formatAddress(relay)} is not reachable${phase}: ${messageOf(why)}`,
    phase === "" || isNetworkError(why),
    why,
  );
}

export function formatAddress({ host, port }: RelayAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
