/**
 * Writes TLS 1.3 records by hand (RFC 8446 §5.2), under the keys of a connection whose handshake node:tls has done: alerts,
 * KeyUpdate and whatever else no TLS stack would send of its own accord.
 */
import { createCipheriv, createHmac } from "node:crypto";

export const ContentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

const VERSION = [3, 3];
/** By the names of RFC 8446 §B.4. */
const SUITES: Readonly<Record<string, { cipher: "aes-128-gcm" | "aes-256-gcm"; key: number; hash: string }>> = {
  TLS_AES_128_GCM_SHA256: { cipher: "aes-128-gcm", key: 16, hash: "sha256" },
  TLS_AES_256_GCM_SHA384: { cipher: "aes-256-gcm", key: 32, hash: "sha384" },
};

export class RecordWriter {
  readonly #suite: { cipher: "aes-128-gcm" | "aes-256-gcm"; key: number; hash: string };
  #secret: Buffer;
  #sequence = 0n;

  /** `keylog`: lines of node:tls's event; nothing may have been sent under the application's keys. */
  constructor(suite: string, keylog: readonly string[]) {
    const found = SUITES[suite];
    const secret = keylog.map((line) => /^CLIENT_TRAFFIC_SECRET_0 \S+ ([0-9a-f]+)/.exec(line)?.[1]).find(Boolean);
    if (found === undefined || secret === undefined) throw new Error(`no secret of ${suite} among the lines`);
    this.#suite = found;
    this.#secret = Buffer.from(secret, "hex");
  }

  /** One protected record. `padding`: zeros behind the content. */
  protect(type: number, content: Uint8Array, padding = 0): Buffer {
    const inner = Buffer.concat([content, Buffer.from([type]), Buffer.alloc(padding)]);
    const length = inner.length + 16;
    const header = Buffer.from([ContentType.applicationData, ...VERSION, length >> 8, length & 0xff]);
    const nonce = this.#expand("iv", 12);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.#sequence++, 4);
    const cipher = createCipheriv(this.#suite.cipher, this.#expand("key", this.#suite.key), nonce);
    cipher.setAAD(header);
    return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  }

  /** KeyUpdate (§4.6.3), and from then on the next keys. */
  keyUpdate(requestUpdate: boolean): Buffer {
    const record = this.protect(ContentType.handshake, Buffer.from([24, 0, 0, 1, requestUpdate ? 1 : 0]));
    this.#secret = this.#expand("traffic upd", this.#secret.length);
    this.#sequence = 0n;
    return record;
  }

  /** HKDF-Expand-Label (§7.1) with an empty context, of no more than one block. */
  #expand(label: string, length: number): Buffer {
    const name = Buffer.from(`tls13 ${label}`);
    const info = Buffer.concat([Buffer.from([length >> 8, length & 0xff, name.length]), name, Buffer.from([0, 1])]);
    return createHmac(this.#suite.hash, this.#secret).update(info).digest().subarray(0, length);
  }
}

/** A record that nobody has protected. */
export function plain(type: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, ...VERSION, content.length >> 8, content.length & 0xff]), content]);
}
