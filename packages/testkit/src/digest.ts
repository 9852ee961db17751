import { createHash } from "node:crypto";

/** SHA-256, in hexadecimal digits: what was sent is compared by it with what has come, and a difference is one short line. */
export function digest(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
