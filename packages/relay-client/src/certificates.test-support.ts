/** An authority, a relay's certificate, and functions' certificates, right ones and wrong ones: for tests. */
import { type Authority, createAuthority } from "@serverless-relay/pki";
import type { Credentials } from "./fake-relay.test-support.ts";

export interface Certificates {
  readonly authority: Authority;
  /** serverAuth only; for 127.0.0.1 and localhost */
  readonly relay: Credentials;
  readonly f1: Credentials;
  readonly f2: Credentials;
  /** names: f3 */
  readonly f3: Credentials;
  /** names: spiffe://example.org/f4 */
  readonly uri: Credentials;
  /** f2 by name and CA, but serverAuth only, as relays are */
  readonly f2AsRelay: Credentials;
  /** a DNS SAN of *.example, which passes for f2.example by the rules of HTTPS */
  readonly wildcard: Credentials;
  /** f2 by name, issued by another CA; it trusts this one */
  readonly foreignF2: Credentials;
}

export async function makeCertificates(): Promise<Certificates> {
  const authority = await createAuthority({ commonName: "CA of the test" });
  const elsewhere = await createAuthority({ commonName: "CA of somebody else" });
  const ca = authority.certPem;
  const credentials = ({ certPem, keyPem }: { certPem: string; keyPem: string }): Credentials => {
    return { cert: certPem, key: keyPem, ca };
  };
  const named = async (name: string): Promise<Credentials> =>
    credentials(await authority.issueFunction({ names: [name] }));
  return {
    authority,
    relay: credentials(await authority.issueRelay({ hosts: ["127.0.0.1", "localhost"] })),
    f1: await named("f1"),
    f2: await named("f2"),
    f3: await named("f3"),
    uri: await named("spiffe://example.org/f4"),
    f2AsRelay: credentials(await authority.issue({ dnsNames: ["f2"], usages: ["serverAuth"] })),
    wildcard: credentials(await authority.issue({ dnsNames: ["*.example"], usages: ["serverAuth", "clientAuth"] })),
    foreignF2: credentials(await elsewhere.issueFunction({ names: ["f2"] })),
  };
}
