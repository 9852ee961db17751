/** Why the daemon gave no answer: foreign errors are translated here, once. */

/**
 * - absent: no such socket
 * - refused: the socket is there, nobody listens
 * - denied: no permission to open it
 * - closed: the connection ended before the answer began
 * - truncated: it ended in mid-answer
 * - timeout: no whole answer within the deadline
 * - too_large: the answer exceeds what is read of one
 * - not_relayd: what answered does not speak the control API
 * - failed: anything else
 */
export type UnreachableReason =
  | "absent"
  | "refused"
  | "denied"
  | "closed"
  | "truncated"
  | "timeout"
  | "too_large"
  | "not_relayd"
  | "failed";

/** No answer could be had. The message names the socket, and says what happened and what to do. */
export class DaemonUnreachable extends Error {
  override readonly name = "DaemonUnreachable";
  readonly reason: UnreachableReason;
  /** path of the socket that was tried */
  readonly socket: string;

  constructor(reason: UnreachableReason, socket: string, detail = "", options: ErrorOptions = {}) {
    super(MESSAGES[reason](socket, detail), options);
    this.reason = reason;
    this.socket = socket;
  }
}

const MESSAGES: Record<UnreachableReason, (socket: string, detail: string) => string> = {
  absent: (socket) =>
    `no relayd at ${socket}: there is no such socket. Start relayd, or name the socket that its configuration gives as control.socket.`,
  refused: (socket) =>
    `no relayd at ${socket}: nobody listens there. Start relayd; the socket may be left over from one that was killed.`,
  denied: (socket) => `permission to open ${socket} denied. Run this as the user that relayd runs as, or as root.`,
  closed: (socket) =>
    `relayd at ${socket} closed the connection without an answer. It may just be stopping: its log says why.`,
  truncated: (socket) =>
    `relayd at ${socket} broke off in mid-answer. It may have been stopped or killed: its log says more. Whether a change was made, ask again.`,
  timeout: (socket, detail) =>
    `relayd at ${socket} gave no answer within ${detail}. It may be overloaded or suspended: look at its process and its log.`,
  too_large: (socket, detail) => `relayd at ${socket} answered with more than ${detail}: that is not read.`,
  not_relayd: (socket, detail) =>
    `what listens at ${socket} is no relayd, or one of another version: ${detail}. Name relayd's control socket.`,
  failed: (socket, detail) => `relayd at ${socket} could not be reached: ${detail}.`,
};

/** Translates what the connection failed with. `answering`: the head of an answer had been read. */
export function unreachable(error: unknown, socket: string, answering: boolean): DaemonUnreachable {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = error instanceof Error ? error.message : String(error);
  return new DaemonUnreachable(reasonOf(code, answering), socket, message, { cause: error });
}

function reasonOf(code: string, answering: boolean): UnreachableReason {
  if (code === "ENOENT" || code === "ENOTDIR") return "absent";
  if (code === "ECONNREFUSED" || code === "ENOTSOCK") return "refused";
  if (code === "EACCES" || code === "EPERM") return "denied";
  if (code === "ECONNRESET" || code === "EPIPE") return answering ? "truncated" : "closed";
  return code.startsWith("HPE_") ? "not_relayd" : "failed";
}
