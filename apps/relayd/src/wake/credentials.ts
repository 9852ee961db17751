/**
 * What a target knows relayd by: a bearer token (RFC 6750 §2.1), or a signature as Standard Webhooks has it. Both come from
 * files, read for each request, so that whatever renews them need not tell relayd.
 */
import { createHmac } from "node:crypto";
import { open } from "node:fs/promises";
import { explainIoError } from "../io-error.ts";
import type { Message } from "./cloud-event.ts";
import type { Allowed } from "./target.ts";

/** A credential that is longer than this is another file. */
const LONGEST_FILE = 64 * 1024;
/** RFC 6750 §2.1: b64token. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** Standard Webhooks: "whsec_" and base64, of 24 to 64 bytes. */
const SIGNING_KEY = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?)$/;

/** The message is "PATH: what is wrong; what to do". */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
  /** without the path */
  readonly what: string;

  constructor(path: string, what: string, cause?: unknown) {
    super(`${path}: ${what}`, { cause });
    this.what = what;
  }
}

export interface Credentials {
  readonly token: string | null;
  readonly signingKey: Buffer | null;
  readonly ca: string | null;
}

/** Throws CredentialsError. */
export async function readCredentials({ token, signingKey, ca }: Allowed): Promise<Credentials> {
  return {
    token: token === undefined ? null : await readToken(token),
    signingKey: signingKey === undefined ? null : await readSigningKey(signingKey),
    ca: ca === undefined ? null : await readCa(ca),
  };
}

async function readToken(path: string): Promise<string> {
  const token = (await readSmall(path)).trim();
  if (!TOKEN.test(token)) throw new CredentialsError(path, "holds no bearer token; write it there, and nothing else");
  return token;
}

async function readSigningKey(path: string): Promise<Buffer> {
  const [, base64 = ""] = SIGNING_KEY.exec((await readSmall(path)).trim()) ?? [];
  const key = Buffer.from(base64, "base64");
  if (key.length >= 24 && key.length <= 64) return key;
  throw new CredentialsError(path, "holds no signing key; write whsec_ and the base64 of 24 to 64 random bytes");
}

async function readCa(path: string): Promise<string> {
  const ca = await readSmall(path);
  if (ca.includes("-----BEGIN CERTIFICATE-----")) return ca;
  throw new CredentialsError(path, "holds no certificate; write those of the target's CAs there, in PEM");
}

/** At most so much of it that it is seen to be too long. */
async function readSmall(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_FILE + 1), 0, LONGEST_FILE + 1, 0);
    if (bytesRead <= LONGEST_FILE) return buffer.toString("utf8", 0, bytesRead);
  } catch (error) {
    throw new CredentialsError(path, explainIoError(error, "read"), error);
  }
  throw new CredentialsError(path, `has more than ${LONGEST_FILE} bytes; name another file`);
}

/** The header fields that go with `message`. `now` in milliseconds since the epoch. */
export function credentialFields(
  { token, signingKey }: Credentials,
  { id, body }: { readonly id: string; readonly body: Message["body"] },
  now: number = Date.now(),
): Record<string, string> {
  const bearer = token === null ? {} : { authorization: `Bearer ${token}` };
  if (signingKey === null) return bearer;
  const timestamp = `${Math.floor(now / 1000)}`;
  const signature = createHmac("sha256", signingKey).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { ...bearer, "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}
