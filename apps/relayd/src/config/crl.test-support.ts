/** A CRL of as many entries as wanted, in the form of any CA's; its signature is not one. */

export interface LongCrl {
  readonly pem: string;
  /** as `normalSerial` gives them */
  readonly serials: readonly string[];
}

export function longCrl(entries: number): LongCrl {
  const serials = Array.from({ length: entries }, (_, index) => `7f${index.toString(16).padStart(30, "0")}`);
  const time = element(0x17, Buffer.from("260102030405Z"));
  const algorithm = element(0x30, Buffer.from("06082a8648ce3d040302", "hex"));
  const issuer = element(0x30, Buffer.from("310d300b06035504030c044c6f6e67", "hex"));
  const revoked = serials.map((serial) =>
    element(0x30, Buffer.concat([element(0x02, Buffer.from(serial, "hex")), time])),
  );
  const list = element(0x30, Buffer.concat([algorithm, issuer, time, time, element(0x30, Buffer.concat(revoked))]));
  const der = element(0x30, Buffer.concat([list, algorithm, element(0x03, Buffer.alloc(65))]));
  return { pem: `-----BEGIN X509 CRL-----\n${der.toString("base64")}\n-----END X509 CRL-----\n`, serials };
}

function element(tag: number, content: Buffer): Buffer {
  const long = Buffer.alloc(6, tag);
  long[1] = 0x84;
  long.writeUInt32BE(content.length, 2);
  return content.length < 0x80
    ? Buffer.concat([Buffer.of(tag, content.length), content])
    : Buffer.concat([long, content]);
}
