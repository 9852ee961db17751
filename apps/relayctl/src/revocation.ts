/** Revokes certificates of an installation: found by a function's name, by their file, or by their serial number. */
import type { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Authority } from "@serverless-relay/pki";
import { certificateNames } from "@serverless-relay/protocol";
import { readCertificate } from "./certificate.ts";
import { CommandFailed } from "./failure.ts";
import { addToLedger, type IssuedCertificate, type Ledger, readLedger } from "./ledger.ts";
import { isErrno, translated } from "./new-files.ts";
import { openOwnAuthority } from "./own-authority.ts";
import { CRL, isCrlNamed, writeCrl } from "./own-crl.ts";

export interface Revocation {
  /** what is revoked now; some of it may have been before */
  readonly revoked: readonly { readonly serial: string; readonly names: readonly string[] }[];
  /** path of the list */
  readonly crl: string;
  /** whether relayd.yaml next to it names the list; null if there is no relayd.yaml */
  readonly named: boolean | null;
}

type Found = Pick<IssuedCertificate, "serial" | "names">;

/** `what`: a name, a file or a serial number. Throws CommandFailed. */
export async function revoke(dir: string, what: string): Promise<Revocation> {
  const authority = await openOwnAuthority(dir);
  const ledger = await readLedger(dir);
  const { normalSerial } = await import("@serverless-relay/pki");
  const found =
    (await ofFile(dir, what, authority, normalSerial)) ?? ofSerial(ledger, normalSerial(what)) ?? ofName(ledger, what);
  if (found === null) {
    const advice = "name a function, a certificate's file, or a serial number; see relayctl cert list";
    throw new CommandFailed("not_issued", `nothing that was issued in ${dir} is called ${what}; ${advice}`);
  }
  if (found.some(({ serial }) => serial === normalSerial(readCertificate(authority.certPem).serialNumber))) {
    throw isAuthority(what, dir);
  }
  const revokedAt = new Date().toISOString();
  const fresh = found.filter(({ serial }) => !ledger.revoked.has(serial));
  await addToLedger(dir, ...fresh.map(({ serial }) => ({ kind: "revoked", serial, revokedAt }) as const));
  await writeCrl(dir, authority);
  return {
    revoked: found.map(({ serial, names }) => ({ serial, names })),
    crl: join(dir, CRL),
    named: await isCrlNamed(dir),
  };
}

/** A list that names its own issuer would have everybody refused. */
function isAuthority(what: string, dir: string): CommandFailed {
  const advice = "to be rid of it, make another with relayctl init, and name that in tls.ca";
  return new CommandFailed(
    "not_issued",
    `${what}: is the authority of ${dir} itself, which cannot revoke itself; ${advice}`,
  );
}

/** The certificate in a file of that path, or of that name in `dir`. */
async function ofFile(
  dir: string,
  what: string,
  authority: Authority,
  normalSerial: (serial: string) => string,
): Promise<Found[] | null> {
  if (!what.includes("/") && !what.endsWith(".pem")) return null;
  const pem = (await readIfThere(resolve(what))) ?? (await readIfThere(join(dir, what)));
  if (pem === null) return null;
  const certificate = parse(what, pem);
  const issuer = readCertificate(authority.certPem);
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
    throw new CommandFailed(
      "not_issued",
      `${what}: was not issued by the authority in ${dir}, so only its own CA can revoke it`,
    );
  }
  return [{ serial: normalSerial(certificate.serialNumber), names: certificateNames(certificate) }];
}

/** Of the ledger; one that is not in there has to look like one. */
function ofSerial({ certificates }: Ledger, serial: string): Found[] | null {
  const known = certificates.filter((certificate) => certificate.serial === serial);
  if (known.length > 0) return known;
  return /^[0-9A-F]{30,40}$/.test(serial) ? [{ serial, names: [] }] : null;
}

/** All that are good yet: whoever revokes a function means all its certificates. */
function ofName({ certificates }: Ledger, name: string): Found[] | null {
  const now = new Date().toISOString();
  const bearing = certificates.filter(({ names }) => names.includes(name));
  const good = bearing.filter(({ notAfter, revokedAt }) => revokedAt === null && notAfter > now);
  if (good.length > 0) return good;
  return bearing.length > 0 ? bearing : null;
}

function parse(path: string, pem: string): X509Certificate {
  try {
    return readCertificate(pem);
  } catch {
    throw new CommandFailed("not_issued", `${path}: holds no certificate in PEM; name NAME.pem, not NAME.key`);
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    throw translated(error);
  }
}
