/** Sorts names into the kinds of subject alternative name that carry them (RFC 5280 §4.2.1.6). */
import { isIP } from "node:net";
import type { CertificateFields } from "./certificate.ts";

/** The names of a function: a URI is a URI SAN, anything else a DNS SAN. */
export function functionNames(names: readonly string[]): Required<Pick<CertificateFields, "dnsNames" | "uris">> {
  const unique = [...new Set(names)];
  return {
    dnsNames: unique.filter((name) => !name.includes("://")),
    uris: unique.filter((name) => name.includes("://")),
  };
}

/** The hosts of a relay. IPv6 addresses may stand in brackets. */
export function hostNames(hosts: readonly string[]): Required<Pick<CertificateFields, "dnsNames" | "ips">> {
  const unique = [...new Set(hosts.map((host) => host.replace(/^\[(.*)\]$/, "$1")))];
  return {
    dnsNames: unique.filter((host) => isIP(host) === 0),
    ips: unique.filter((host) => isIP(host) !== 0),
  };
}
