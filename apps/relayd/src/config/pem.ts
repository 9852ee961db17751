/** PEM (RFC 7468): the blocks of a file, each with its label. Text between the blocks is no matter, as in OpenSSL. */

export interface PemBlock {
  /** CERTIFICATE, PRIVATE KEY, X509 CRL … */
  readonly label: string;
  /** the block alone, with its two boundary lines */
  readonly pem: string;
}

export function pemBlocks(text: string): PemBlock[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g);
  return [...blocks].map(([pem, label = ""]) => ({ label, pem: `${pem}\n` }));
}

/** What a file holds, for a message that says why it is not what was wanted. */
export function describePem(text: string): string {
  const labels = new Set(pemBlocks(text).map((block) => block.label));
  if (labels.size > 0) return `holds ${[...labels].join(" and ")}`;
  return text.trim() === "" ? "is empty" : "is not PEM";
}
