/** Certificates as Node reads them. Its module for that is loaded with the first one: of most commands, with none. */
import type { X509Certificate } from "node:crypto";

/** Throws what `new X509Certificate` throws. */
export function readCertificate(pem: string): X509Certificate {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  return new X509Certificate(pem);
}
