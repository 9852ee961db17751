/** Which control socket is meant. */
import { join } from "node:path";

const SYSTEM_SOCKET = "/run/relayd/relayd.sock";

export interface ChosenSocket {
  readonly path: string;
  /** for messages: where the path comes from */
  readonly origin: string;
}

/** The flag, else the environment, else the socket of the user's own relayd if there is one, else the system's. */
export function chooseSocket(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean,
): ChosenSocket {
  if (flag !== undefined) return { path: flag, origin: "given by --socket" };
  const { RELAYD_SOCKET, XDG_RUNTIME_DIR } = environment;
  if (RELAYD_SOCKET) return { path: RELAYD_SOCKET, origin: "given by RELAYD_SOCKET" };
  const own = XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "relayd", "relayd.sock") : undefined;
  if (own !== undefined && exists(own)) return { path: own, origin: "the default of this user" };
  return { path: SYSTEM_SOCKET, origin: "the default" };
}
