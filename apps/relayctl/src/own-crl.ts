/**
 * crl.pem of an installation: whom its authority has revoked. Once such a list has expired, a relay refuses everybody; so it is
 * made to hold for as long as the authority itself. Freshness is no use of a list that relayd reads from its own disk, and
 * takes up as soon as it is written.
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Authority, ReadCrl } from "@serverless-relay/pki";
import { CommandFailed } from "./failure.ts";
import { readLedger } from "./ledger.ts";
import { isErrno, translated } from "./new-files.ts";

export const CRL = "crl.pem";

/** For lists that came from elsewhere: written anew before they run out. */
const NOTICE_MS = 30 * 86_400_000;

/** The list that a new installation begins with: nobody is on it. */
export async function emptyCrl(authority: Authority): Promise<string> {
  return await authority.crl({ revoked: [], nextUpdate: authority.notAfter });
}

/**
 * Writes the list with all whom the ledger, or the list that is there, says are revoked. It takes the place of the old one in one
 * step. Throws CommandFailed.
 */
export async function writeCrl(dir: string, authority: Authority): Promise<void> {
  // Another command may revoke at the same time: whoever writes looks once more, so that the last list has them all.
  for (;;) {
    const entries = await everybodyRevoked(dir, authority);
    const revoked = [...entries].map(([serial, at]) => ({ serial, at: new Date(at) }));
    await replace(dir, CRL, await authority.crl({ revoked, nextUpdate: authority.notAfter }));
    const { revoked: since } = await readLedger(dir);
    if ([...since.keys()].every((serial) => entries.has(serial))) return;
  }
}

/** Writes the list anew if there is one that is about to run out; gives whether it did. Throws CommandFailed. */
export async function renewCrl(dir: string, authority: Authority): Promise<boolean> {
  const current = await readOwnCrl(dir, authority);
  if (current === null || current.nextUpdate === null) return false;
  const end = current.nextUpdate.getTime();
  if (end >= authority.notAfter.getTime() || end - Date.now() > NOTICE_MS) return false;
  await writeCrl(dir, authority);
  return true;
}

/** Null if there is none. Throws CommandFailed if it is not this authority's. */
async function readOwnCrl(dir: string, authority: Authority): Promise<ReadCrl | null> {
  const path = join(dir, CRL);
  let pem: string;
  try {
    pem = await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error) && error.code === "ENOENT") return null;
    throw translated(error);
  }
  const { PkiError, readCrl } = await import("@serverless-relay/pki");
  try {
    return await readCrl(pem, authority);
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    throw new CommandFailed("bad_crl", `${path}: ${error.message}; move it away, and have it written anew`);
  }
}

/** Whether relayd.yaml in the same directory names the list; null if there is no relayd.yaml. */
export async function isCrlNamed(dir: string): Promise<boolean | null> {
  try {
    const text = await readFile(join(dir, "relayd.yaml"), "utf8");
    return /(?:^|[{,\s])crl["']?\s*:\s*["']?[^\s"',}]/m.test(text.replace(/#.*$/gm, ""));
  } catch {
    return null;
  }
}

/** By serial, when. */
async function everybodyRevoked(dir: string, authority: Authority): Promise<Map<string, string>> {
  const listed = (await readOwnCrl(dir, authority))?.revoked ?? [];
  const { revoked } = await readLedger(dir);
  return new Map([...listed.map(({ serial, at }) => [serial, at.toISOString()] as const), ...revoked]);
}

async function replace(dir: string, name: string, content: string): Promise<void> {
  const temporary = join(dir, `.${name}.${process.pid}`);
  try {
    await writeFile(temporary, content, { mode: 0o644 });
    await rename(temporary, join(dir, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw translated(error);
  }
}
