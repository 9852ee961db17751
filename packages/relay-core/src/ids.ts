/** Ids of connections and sessions: for logs and people, not secrets. */
import { randomBytes } from "node:crypto";

/** 16 hexadecimal digits: as good as unique, and (unlike randomUUID's) one flat string, of which thousands may be held. */
export function newId(): string {
  return randomBytes(8).toString("hex");
}
