/** Who is at the other end of a connection of the control socket: the kernel knows (SO_PEERCRED, unix(7)). */
import type { Socket } from "node:net";
import type { Caller } from "../audit/audit-log.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid, 32 bits each */
const UCRED_BYTES = 12;

type CallerOf = (socket: Socket) => Caller | null;

/** Loads the native module that asks the kernel; where there is none (or no Linux), nobody is known. */
export async function loadCallerOf(): Promise<CallerOf> {
  if (process.platform !== "linux") return () => null;
  try {
    const { default: koffi } = await import("koffi");
    const getsockopt = koffi.load(null).func("int getsockopt(int, int, int, void *, void *)");
    return (socket) => {
      const fd = descriptorOf(socket);
      return fd === null
        ? null
        : readCredentials((into, length) => getsockopt(fd, SOL_SOCKET, SO_PEERCRED, into, length));
    };
  } catch {
    return () => null;
  }
}

function readCredentials(ask: (into: Buffer, length: Buffer) => unknown): Caller | null {
  const credentials = Buffer.alloc(UCRED_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(UCRED_BYTES);
  if (ask(credentials, length) !== 0) return null;
  const [pid, uid, gid] = [0, 4, 8].map((at) => credentials.readUInt32LE(at)) as [number, number, number];
  return { uid, gid, pid };
}

/** Node has no public way to ask for it. */
function descriptorOf(socket: Socket): number | null {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : null;
}
