/** A function's certificate and key, issued by the authority of an installation. */
import { join } from "node:path";
import type { Authority } from "@serverless-relay/pki";
import { readCertificate } from "./certificate.ts";
import { CommandFailed } from "./failure.ts";
import { checkFunctionName } from "./function-name.ts";
import { addToLedger } from "./ledger.ts";
import { assertAbsent, writeNewFiles } from "./new-files.ts";
import { openOwnAuthority, translatingPkiErrors } from "./own-authority.ts";
import { renewCrl } from "./own-crl.ts";

export interface IdentityRequest {
  readonly dir: string;
  /** the first is the one that the files are named after */
  readonly names: readonly [string, ...string[]];
  /** name of the two files, without .pem and .key */
  readonly out?: string;
  readonly days?: number;
}

export interface IssuedIdentity {
  readonly names: readonly string[];
  /** paths */
  readonly certificate: string;
  readonly key: string;
  /** hexadecimal */
  readonly serial: string;
  /** ISO 8601 */
  readonly notAfter: string;
}

/** Issues the certificate and writes the two files. Throws CommandFailed. */
export async function issueIdentity({ dir, names, out, days }: IdentityRequest): Promise<IssuedIdentity> {
  checkNames(names);
  const base = out === undefined ? fileNameOf(names[0]) : checkFileName(out);
  const files = { certificate: `${base}.pem`, key: `${base}.key` };
  await assertAbsent(dir, Object.values(files));
  const authority = await openOwnAuthority(dir);
  const { certPem, keyPem, serial, notAfter } = await issue(authority, dir, names, days);
  await writeNewFiles(dir, [
    { name: files.certificate, content: certPem },
    { name: files.key, content: keyPem, secret: true },
  ]);
  await addToLedger(dir, {
    kind: "issued",
    serial,
    names,
    notAfter,
    issuedAt: new Date().toISOString(),
    file: files.certificate,
  });
  await renewCrl(dir, authority);
  return { names, certificate: join(dir, files.certificate), key: join(dir, files.key), serial, notAfter };
}

/** As a file name: a URI's delimiters are percent-encoded, so that different names stay different. */
function fileNameOf(name: string): string {
  return encodeURIComponent(name);
}

function checkFileName(name: string): string {
  if (/^[^/\0]+$/.test(name) && name !== "." && name !== "..") return name;
  throw new CommandFailed(
    "invalid_out",
    `--out ${JSON.stringify(name)} has to be a file name, without directory or suffix`,
  );
}

function checkNames(names: readonly string[]): void {
  names.forEach(checkFunctionName);
  const uris = names.filter(isUri);
  if (uris.length > 1 && uris.some((uri) => uri.startsWith("spiffe:"))) {
    throw new CommandFailed("invalid_name", "a certificate with a SPIFFE ID bears no other URI: issue one for each");
  }
}

/** The names that no relay will know the function by: a certificate's DNS names count only where it has no URI. */
export function namesWithoutEffect(names: readonly string[]): readonly string[] {
  return names.some(isUri) ? names.filter((name) => !isUri(name)) : [];
}

/** Whether it is valid for less than so many days: a certificate ends with the authority that it is from. */
export function wasShortened({ notAfter }: IssuedIdentity, days: number): boolean {
  return Date.parse(notAfter) < Date.now() + (days - 1) * DAY_MS;
}

const DAY_MS = 86_400_000;

function isUri(name: string): boolean {
  return name.includes("://");
}

async function issue(authority: Authority, dir: string, names: readonly string[], days: number | undefined) {
  const validity = days === undefined ? {} : { days };
  const identity = await translatingPkiErrors(dir, () => authority.issueFunction({ names, ...validity }));
  const { normalSerial } = await import("@serverless-relay/pki");
  const certificate = readCertificate(identity.certPem);
  const serial = normalSerial(certificate.serialNumber);
  return { ...identity, serial, notAfter: certificate.validToDate.toISOString() };
}
