/**
 * Reads the files that the configuration names, and looks at the places that it names. Promises: every problem is
 * reported, not only the first; what is returned is fit for node:tls; nothing is made or changed.
 */
import { isDeepStrictEqual } from "node:util";
import { type CertificateFacts, readAuthorities, readIdentity, warnOfClientUse } from "./certificates.ts";
import { type ClusterMaterials, readClusterMaterials } from "./cluster-files.ts";
import { Findings, type NamedFile } from "./findings.ts";
import type { LoadedConfig } from "./load.ts";
import { checkAppendable, checkDirectory, checkSocketPath } from "./places.ts";
import { checkReadOnlySocket } from "./read-only-socket.ts";
import { readRevocationLists } from "./revocation.ts";
import type { IsRevoked } from "./revoked.ts";
import type { Config } from "./schema.ts";
import type { KeyPath } from "./source.ts";
import { checkWakeFiles } from "./wake-files.ts";

/** What the relay's TLS needs, in PEM. */
export interface Materials {
  /** the relay's certificate, then its intermediates */
  readonly cert: string;
  readonly key: string;
  /** the CAs of the functions */
  readonly ca: string;
  /** each a text of its own: node:tls reads only the first CRL of a text */
  readonly crl?: readonly string[];
  /** for other relays of the cluster; there is none where this relay is on its own */
  readonly cluster?: ClusterMaterials;
  /** subjects of the CAs that have no CRL, though others have */
  readonly unlisted: readonly string[];
  /** whether the CRLs say so; there is none without a CRL */
  readonly isRevoked?: IsRevoked;
  /** stands for the content of the files */
  readonly digest: string;
  /** for `status` */
  readonly certificates: readonly CertificateFacts[];
  /** `FILE:LINE:COL key.path PATH: what is the matter; what to do`: nothing that keeps relayd from starting */
  readonly warnings: readonly string[];
}

/**
 * @param now what the dates of certificates are held against
 * @param inForce what a running relay goes by; null at its start, where some things are warnings that are problems later
 * @throws ConfigError
 */
export async function loadMaterials(
  loaded: LoadedConfig,
  now: Date = new Date(),
  inForce: { readonly config: Config; readonly materials: Materials } | null = null,
): Promise<Materials> {
  const { tls, control, state, audit, wake } = loaded.config;
  const findings = new Findings(loaded);
  const files = { cert: named(["tls", "cert"], tls.cert), key: named(["tls", "key"], tls.key) };
  const identity = await readIdentity(files, findings, now, inForce?.materials ?? null);
  if (identity !== null) warnOfClientUse(files.cert, identity.cert, findings);
  const authorities = await readAuthorities(named(["tls", "ca"], tls.ca), findings, now);
  const revoked =
    tls.crl === undefined
      ? null
      : await readRevocationLists(
          named(["tls", "crl"], tls.crl),
          authorities?.certificates ?? [],
          findings,
          now,
          inForce && { crl: inForce.materials.crl ?? [], unlisted: inForce.materials.unlisted },
        );
  const cluster = await readClusterMaterials(
    loaded.config.cluster,
    authorities?.certificates ?? [],
    findings,
    now,
    inForce?.materials.cluster ?? null,
  );
  // In a running relay they are in use: whether they could be made once more is no matter.
  if (control.socket !== inForce?.config.control.socket) {
    await checkSocketPath(named(["control", "socket"], control.socket), findings);
  }
  if (state.dir !== inForce?.config.state.dir) await checkDirectory(named(["state", "dir"], state.dir), findings);
  if (audit !== undefined && audit.file !== inForce?.config.audit?.file) {
    await checkAppendable(named(["audit", "file"], audit.file), findings);
  }
  if (!isDeepStrictEqual(control, inForce?.config.control)) await checkReadOnlySocket(control, findings);
  if (wake !== undefined) await checkWakeFiles(wake, findings);
  findings.throwIfAny();
  if (identity === null || authorities === null) throw new Error("a file was not read, and no problem was noted");
  return {
    cert: identity.cert,
    key: identity.key,
    ca: authorities.ca,
    ...(revoked === null ? {} : { crl: revoked.crl, isRevoked: revoked.isRevoked }),
    ...(cluster === null ? {} : { cluster }),
    unlisted: revoked?.unlisted ?? [],
    digest: findings.digest(),
    certificates: [...identity.facts, ...authorities.facts, ...(revoked?.facts ?? []), ...(cluster?.facts ?? [])],
    warnings: findings.warnings,
  };
}

function named(keys: KeyPath, path: string): NamedFile {
  return { keys, path };
}
