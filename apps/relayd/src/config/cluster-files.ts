/** Reads what this relay and the others of its cluster know one another by. */
import { X509Certificate } from "node:crypto";
import { certificateNames } from "@serverless-relay/protocol";
import { type CertificateFacts, readAuthorities, readIdentity } from "./certificates.ts";
import type { ClusterConfig } from "./cluster.ts";
import type { Findings, NamedFile } from "./findings.ts";

/** PEM texts. */
export interface ClusterMaterials {
  readonly cert: string;
  readonly key: string;
  /** the CAs of the relays */
  readonly ca: string;
  /** for `status` */
  readonly facts: readonly CertificateFacts[];
}

/**
 * @param functionCas the CAs of the functions: unless names are given, none of them may vouch for a relay, too
 * @param inForce what a running relay goes by; null at its start
 * @returns null where there is no cluster, or a problem was noted
 */
export async function readClusterMaterials(
  config: ClusterConfig | undefined,
  functionCas: readonly X509Certificate[],
  findings: Findings,
  now: Date,
  inForce: { readonly cert: string } | null,
): Promise<ClusterMaterials | null> {
  if (config === undefined) return null;
  const named = (key: "cert" | "key" | "ca"): NamedFile => ({ keys: ["cluster", "tls", key], path: config.tls[key] });
  const identity = await readIdentity({ cert: named("cert"), key: named("key") }, findings, now, inForce);
  const authorities = await readAuthorities(named("ca"), findings, now);
  if (identity === null || authorities === null) return null;
  if (certificateNames(new X509Certificate(identity.cert)).length === 0) {
    const advice = "issue it with a DNS or URI name besides the address";
    findings.problem(named("cert"), `bears no name, and the other relays would turn it away; ${advice}`);
  }
  const both = authorities.certificates.some((ca) => functionCas.some((other) => other.raw.equals(ca.raw)));
  if (both && config.tls.names.length === 0) {
    const advice = "use a CA of the relays' own, or say in cluster.tls.names what relays are called";
    findings.problem(named("ca"), `holds a CA of the functions, any of which could then pass for a relay; ${advice}`);
  }
  const { cert, key } = identity;
  return { cert, key, ca: authorities.ca, facts: [...identity.facts, ...authorities.facts] };
}
