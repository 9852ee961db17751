/**
 * What the authority of an installation has issued and revoked: issued.jsonl, next to ca.pem. It only ever grows, a line for
 * each thing that was done, so that commands which run at the same time do not undo one another's.
 */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isErrno, translated } from "./new-files.ts";

export interface IssuedCertificate {
  /** hexadecimal, upper case */
  readonly serial: string;
  readonly names: readonly string[];
  /** ISO 8601, like all times here */
  readonly notAfter: string;
  readonly issuedAt: string;
  /** name of the file in the installation's directory */
  readonly file: string;
  readonly revokedAt: string | null;
}

type Line =
  | ({ readonly kind: "issued" } & Omit<IssuedCertificate, "revokedAt">)
  | { readonly kind: "revoked"; readonly serial: string; readonly revokedAt: string };

const NAME = "issued.jsonl";

export interface Ledger {
  readonly certificates: readonly IssuedCertificate[];
  /** by serial; of certificates, too, that were issued before there was a ledger */
  readonly revoked: ReadonlyMap<string, string>;
}

/** Empty if there is none. Throws CommandFailed. */
export async function readLedger(dir: string): Promise<Ledger> {
  const lines = await readLines(dir);
  const revoked = new Map<string, string>();
  for (const line of lines) {
    if (line.kind === "revoked" && !revoked.has(line.serial)) revoked.set(line.serial, line.revokedAt);
  }
  const certificates = lines.flatMap((line) => {
    if (line.kind !== "issued") return [];
    const { kind: _, ...issued } = line;
    return [{ ...issued, revokedAt: revoked.get(issued.serial) ?? null }];
  });
  return { certificates, revoked };
}

/** Throws CommandFailed. */
export async function addToLedger(dir: string, ...lines: readonly Line[]): Promise<void> {
  try {
    await appendFile(join(dir, NAME), lines.map((line) => `${JSON.stringify(line)}\n`).join(""), { mode: 0o644 });
  } catch (error) {
    throw translated(error);
  }
}

async function readLines(dir: string): Promise<Line[]> {
  try {
    const text = await readFile(join(dir, NAME), "utf8");
    return text.split("\n").flatMap(parseLine);
  } catch (error) {
    if (isErrno(error) && error.code === "ENOENT") return [];
    throw translated(error);
  }
}

/** A line that a crash cut off says nothing. */
function parseLine(text: string): Line[] {
  if (text === "") return [];
  try {
    return [JSON.parse(text) as Line];
  } catch {
    return [];
  }
}
