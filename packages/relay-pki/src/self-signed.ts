/** Certificates that nobody issued: for ends that are pinned to the fingerprint of their public key. */
import { DAY_MS, DEFAULT_DAYS, defaultNotBefore, signCertificate, type Validity } from "./certificate.ts";
import { exportKey, GENERATED_KEY_SIGNS_WITH, generateKeys, type Identity } from "./keys.ts";
import { functionNames } from "./subject-names.ts";

/** A certificate for the function `name`, signed by its own key. It is no CA. */
export async function createSelfSigned(name: string, validity: Validity = {}): Promise<Identity> {
  const keys = await generateKeys();
  const notBefore = validity.notBefore ?? defaultNotBefore();
  const notAfter = validity.notAfter ?? new Date(notBefore.getTime() + DEFAULT_DAYS * DAY_MS);
  const certPem = await signCertificate(
    { commonName: name, ...functionNames([name]), usages: ["clientAuth", "serverAuth"] },
    { notBefore, notAfter },
    keys.publicKey,
    { signing: { key: keys.privateKey, algorithm: GENERATED_KEY_SIGNS_WITH } },
  );
  return { certPem, keyPem: exportKey(keys.privateKey) };
}
