/** A function's certificate and key, issued by the authority of an installation. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Authority } from "@serverless-relay/pki";
import { CommandFailed } from "./failure.ts";
import { checkFunctionName } from "./function-name.ts";
import { assertAbsent, isErrno, translated, writeNewFiles } from "./new-files.ts";

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
  /** ISO 8601 */
  readonly notAfter: string;
}

/** Issues the certificate and writes the two files. Throws CommandFailed. */
export async function issueIdentity({ dir, names, out, days }: IdentityRequest): Promise<IssuedIdentity> {
  checkNames(names);
  const base = out === undefined ? fileNameOf(names[0]) : checkFileName(out);
  const files = { certificate: `${base}.pem`, key: `${base}.key` };
  await assertAbsent(dir, Object.values(files));
  const authority = await readAuthority(dir);
  const { certPem, keyPem, notAfter } = await issue(authority, dir, names, days);
  await writeNewFiles(dir, [
    { name: files.certificate, content: certPem },
    { name: files.key, content: keyPem, secret: true },
  ]);
  return { names, certificate: join(dir, files.certificate), key: join(dir, files.key), notAfter };
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

function isUri(name: string): boolean {
  return name.includes("://");
}

async function readAuthority(dir: string): Promise<Authority> {
  const [certPem, keyPem] = await Promise.all([readOwn(dir, "ca.pem"), readOwn(dir, "ca.key")]);
  const { openAuthority } = await import("@serverless-relay/pki");
  return await translatingPkiErrors(dir, () => openAuthority(certPem, keyPem));
}

async function readOwn(dir: string, name: string): Promise<string> {
  try {
    return await readFile(join(dir, name), "utf8");
  } catch (error) {
    if (!isErrno(error) || error.code !== "ENOENT") throw translated(error);
    const advice = `make an authority with relayctl init --dir ${dir}`;
    throw new CommandFailed("no_authority", `${join(dir, name)}: no such file; ${advice}`);
  }
}

async function issue(authority: Authority, dir: string, names: readonly string[], days: number | undefined) {
  const validity = days === undefined ? {} : { days };
  const identity = await translatingPkiErrors(dir, () => authority.issueFunction({ names, ...validity }));
  return { ...identity, notAfter: new X509Certificate(identity.certPem).validToDate.toISOString() };
}

async function translatingPkiErrors<T>(dir: string, act: () => Promise<T>): Promise<T> {
  const { PkiError } = await import("@serverless-relay/pki");
  try {
    return await act();
  } catch (error) {
    if (error instanceof PkiError)
      throw new CommandFailed("bad_authority", `ca.pem, ca.key in ${dir}: ${error.message}`);
    throw error;
  }
}
