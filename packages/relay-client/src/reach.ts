/** Whether the relay is there at all: for health checks, which must neither take a peer's place nor wait for one. */
import { net } from "./builtins.ts";
import { Deadline } from "./deadline.ts";
import { dial, formatAddress } from "./dial.ts";
import { type ConnectOptions, planOf } from "./options.ts";

/**
 * Dials the relay, verifies it, and hangs up without having asked for anybody. Rejects with RelayUnreachable, RelayNotVerified
 * or RelayTimeout, with the signal's reason, or with TypeError or RangeError for an option. Whether the relay would admit this
 * function is not known then: it says so only to who asks for a peer.
 */
export async function reachRelay(options: ConnectOptions): Promise<void> {
  const plan = planOf(options);
  const deadline = new Deadline(plan.timeout, options.signal, `dialling relay ${formatAddress(plan.relay)}`);
  const socket = net().connect({ ...plan.relay, noDelay: true });
  socket.on("error", () => {}); // `dial` listens for itself; nothing before or after it may end the process
  try {
    await deadline.limit(dial(socket, plan));
  } finally {
    deadline.clear();
    socket.destroy();
  }
}
