/** Reads errors of Node's net and tls: by their codes, never by their words. */

/** Whether the network, or the other end's going away, ended the connection; false for a verdict of TLS. */
export function isNetworkError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall !== undefined || code === "ECONNRESET" || code === "EPIPE" || error instanceof AggregateError;
}

export function messageOf(error: unknown): string {
  // Trying every address of a host gives an AggregateError, whose own message is empty.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  if (!(error instanceof Error)) return String(error);
  // OpenSSL's message is a line of its source code; `reason` is the one part of it that is meant to be read.
  return "reason" in error && typeof error.reason === "string" ? error.reason : error.message;
}
