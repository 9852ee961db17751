/** Reads files of PEM (RFC 7468). Text between the blocks is no matter, as in OpenSSL; a block that is cut off is. */
import type { Findings, NamedFile } from "./findings.ts";

/** What may be wanted of a file: by the labels of its blocks, and in words. */
export const PEM = {
  certificate: { label: /^CERTIFICATE$/, words: "a CERTIFICATE" },
  key: { label: /PRIVATE KEY$/, words: "a PRIVATE KEY" },
  crl: { label: /^X509 CRL$/, words: "an X509 CRL" },
} as const;

/** The wanted blocks of the file, one at least, each with its boundary lines; null, with a problem noted, if not so. */
export async function readPem(
  file: NamedFile,
  wanted: (typeof PEM)[keyof typeof PEM],
  findings: Findings,
): Promise<string[] | null> {
  const text = await findings.read(file);
  if (text === null) return null;
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----(?:(?!-----BEGIN )[\s\S])*?-----END \1-----/g)];
  if (blocks.length !== (text.match(/-----BEGIN /g) ?? []).length) {
    findings.problem(file, "is cut off in the middle of a block; copy it again");
    return null;
  }
  const found = blocks.filter(([, label = ""]) => wanted.label.test(label)).map(([block]) => `${block}\n`);
  if (found.length > 0) return found;
  const labels = [...new Set(blocks.map(([, label]) => label))].join(" and ");
  const what = labels !== "" ? `holds ${labels}` : text.trim() === "" ? "is empty" : "is not PEM";
  findings.problem(file, `${what}; name a file with ${wanted.words} in PEM`);
  return null;
}
