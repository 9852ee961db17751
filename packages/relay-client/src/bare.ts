/**
 * A connection without an inner TLS: what a relay needs that meets another relay. A function uses `connect`: its bytes are
 * for its peer alone, and here nobody would keep them from the relay.
 */
import type { Socket } from "node:net";
import type { Role } from "@serverless-relay/protocol";
import { net } from "./builtins.ts";
import { Deadline } from "./deadline.ts";
import { dial, formatAddress } from "./dial.ts";
import { Exchange } from "./exchange.ts";
import { type ConnectOptions, planOf } from "./options.ts";
import { ask } from "./request.ts";

export interface BareConnection {
  /** paused, without listeners but one for errors */
  readonly socket: Socket;
  /** the first bytes of the session, where they came together with the answer */
  readonly rest: Buffer;
  readonly session: string;
  /** the side of an inner TLS that this end is to take */
  readonly role: Role;
}

/** Meets `peer`, by transport raw, and stops there. Rejects as `connect` does; nothing is left open then. */
export async function connectBare(
  options: Omit<ConnectOptions, "transport" | "allowHalfOpen">,
): Promise<BareConnection> {
  const plan = planOf(options);
  const deadline = new Deadline(plan.timeout, options.signal, `meeting ${plan.peer} at ${formatAddress(plan.relay)}`);
  const socket = net().connect({ ...plan.relay, noDelay: true, allowHalfOpen: true });
  socket.on("error", () => {}); // each phase listens for itself; nothing in between may end the process
  try {
    return await deadline.limit(meet(socket, plan));
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    deadline.clear();
  }
}

async function meet(socket: Socket, plan: ReturnType<typeof planOf>): Promise<BareConnection> {
  const link = await dial(socket, plan);
  const exchange = new Exchange(link);
  const asked = ask(link, exchange, plan);
  asked.catch(() => {}); // it is awaited below, maybe a little later than it fails
  await exchange.requested.catch(async () => asked); // the failed answer tells more
  void exchange.follow(link.records.detach());
  const { session, role, rest } = await asked;
  return { socket, rest, session, role };
}
