/** Says no inside TLS, and closes so that the caller gets to read it. */

import type { TLSSocket } from "node:tls";
import type { RecordStream } from "@serverless-relay/protocol";

/** How long a refused client may take to close its side: closing first could turn unread bytes into a reset. */
const LINGER_MS = 2_000;

/** Sends `words` and close_notify, then FIN; drops what still comes; closes when the client has, or after a while. */
export function refuseInTls(tls: TLSSocket, records: RecordStream, words: Buffer): void {
  const linger = setTimeout(() => records.destroy(), LINGER_MS);
  records.once("close", () => clearTimeout(linger));
  records.stayInTls();
  tls.on("error", () => {});
  tls.removeAllListeners("data");
  tls.resume();
  tls.end(words);
}
