import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { signCertificate } from "./certificate.ts";
import {
  type Authority,
  createAuthority,
  createSelfSigned,
  type Identity,
  normalSerial,
  openAuthority,
  PkiError,
  readCrl,
} from "./index.ts";
import { readSigningKey } from "./keys.ts";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const DAY = 86_400_000;

const authority = await createAuthority({ commonName: "test CA" });

function read({ certPem }: Identity): X509Certificate {
  return new X509Certificate(certPem);
}

describe("an authority", () => {
  it("is a self-signed CA whose files end in a newline", () => {
    const certificate = read(authority);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe("CN=test CA");
    expect(authority.certPem).toMatch(/^-----BEGIN CERTIFICATE-----\n.*\n-----END CERTIFICATE-----\n$/s);
    expect(authority.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n.*\n-----END PRIVATE KEY-----\n$/s);
    expect(certificate.validToDate.getTime() - Date.now()).toBeGreaterThan(3649 * DAY);
  });

  it("is opened again from its files, and issues what verifies under them", async () => {
    const reopened = await openAuthority(authority.certPem, authority.keyPem);
    const issued = read(await reopened.issueFunction({ names: ["f1"] }));
    expect(issued.checkIssued(read(authority))).toBe(true);
    expect(issued.verify(read(authority).publicKey)).toBe(true);
  });

  it.each([
    [
      "RSA",
      generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
      { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    ],
    ["P-384", generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey, { name: "ECDSA", namedCurve: "P-384" }],
    ["Ed25519", generateKeyPairSync("ed25519").privateKey, { name: "Ed25519" }],
  ])("may have a key of another kind: %s", async (_kind, key, algorithm) => {
    const foreign = await foreignAuthority(key, algorithm);
    const leaf = await foreign.issueFunction({ names: ["f1"] });
    await expect(verdicts({ ca: foreign, server: leaf, client: leaf })).resolves.toEqual(GOOD);
  });

  it("does not open with another's key, with a leaf, or with what is no PEM", async () => {
    const other = await createAuthority({ commonName: "other CA" });
    const leaf = await authority.issueFunction({ names: ["f1"] });
    await expect(openAuthority(authority.certPem, other.keyPem)).rejects.toThrow("not the one of its certificate");
    await expect(openAuthority(leaf.certPem, leaf.keyPem)).rejects.toThrow("not that of a CA");
    await expect(openAuthority("nonsense", authority.keyPem)).rejects.toThrow(PkiError);
    await expect(openAuthority(authority.certPem, "nonsense")).rejects.toThrow(PkiError);
  });
});

/** A self-signed authority made somewhere else, with a key of the given kind. */
async function foreignAuthority(
  key: KeyObject,
  algorithm: Parameters<KeyObject["toCryptoKey"]>[0],
): Promise<Authority> {
  const keyPem = key.export({ type: "pkcs8", format: "pem" }).toString();
  const publicKey = createPublicKey(key).toCryptoKey(algorithm, true, ["verify"]);
  const validity = { notBefore: new Date(0), notAfter: new Date(Date.now() + DAY) };
  const fields = { commonName: "foreign CA", ca: true };
  const certPem = await signCertificate(fields, validity, publicKey, { signing: readSigningKey(keyPem) });
  return await openAuthority(certPem, keyPem);
}

describe("a relay's certificate", () => {
  it("is good for a server alone, under its hosts and addresses", async () => {
    const relay = await authority.issueRelay({ hosts: ["relay.example", "127.0.0.1", "[::1]"] });
    const certificate = read(relay);
    expect(certificate.keyUsage).toEqual([SERVER_AUTH]);
    expect(certificate.checkHost("relay.example")).toBe("relay.example");
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(certificate.checkIP("::1")).toBe("::1");
    expect(certificate.ca).toBe(false);
    await expect(verdicts({ server: relay, client: relay })).resolves.toEqual({
      server: null,
      client: "INVALID_PURPOSE",
    });
  });
});

describe("a function's certificate", () => {
  it("is good for both sides, bears URIs as URI SANs and other names as DNS SANs, and fits its key", async () => {
    const names = ["f1", "f1.example", "spiffe://example.org/f1"];
    const identity = await authority.issueFunction({ names });
    const certificate = read(identity);
    expect(certificate.keyUsage).toEqual([CLIENT_AUTH, SERVER_AUTH].sort().reverse());
    expect(certificate.subjectAltName).toBe("DNS:f1, DNS:f1.example, URI:spiffe://example.org/f1");
    expect(certificate.checkPrivateKey(createPrivateKey(identity.keyPem))).toBe(true);
    await expect(verdicts({ server: identity, client: identity })).resolves.toEqual(GOOD);
  });

  it("bears a name that is too long for a CN, with no CN", async () => {
    const name = `spiffe://example.org/${"x".repeat(400)}`;
    const identity = await authority.issueFunction({ names: [name] });
    expect(read(identity).subject).toBeUndefined();
    expect(read(identity).subjectAltName).toBe(`URI:${name}`);
    await expect(verdicts({ server: identity, client: identity })).resolves.toEqual(GOOD);
  });

  it("has a positive serial number of 16 bytes, its own each time", async () => {
    const issued = await Promise.all(Array.from({ length: 20 }, () => authority.issueFunction({ names: ["f1"] })));
    const serials = issued.map((identity) => read(identity).serialNumber);
    expect(new Set(serials).size).toBe(20);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it("lasts for the days asked for, but not longer than its issuer", async () => {
    const brief = await createAuthority({ commonName: "brief CA", days: 10 });
    const asked = read(await brief.issueFunction({ names: ["f1"], days: 3 }));
    const clipped = read(await brief.issueFunction({ names: ["f1"] }));
    expect(Math.round((asked.validToDate.getTime() - asked.validFromDate.getTime()) / DAY)).toBe(3);
    expect(clipped.validToDate).toEqual(read(brief).validToDate);
  });

  it("is not issued by an authority that has expired", async () => {
    const past = new Date(Date.now() - DAY);
    const expired = await createAuthority({ commonName: "old CA", notBefore: new Date(0), notAfter: past });
    await expect(expired.issueFunction({ names: ["f1"] })).rejects.toThrow("valid only until");
  });
});

describe("a certificate made wrong on purpose", () => {
  it("can be expired, or not yet valid", async () => {
    const yesterday = new Date(Date.now() - DAY);
    const expired = await authority.issueFunction({ names: ["f1"], notBefore: new Date(0), notAfter: yesterday });
    const early = await authority.issueFunction({ names: ["f1"], notBefore: new Date(Date.now() + DAY) });
    const found = await verdicts({ server: expired, client: early });
    expect(found).toEqual({ server: "CERT_HAS_EXPIRED", client: "CERT_NOT_YET_VALID" });
  });

  it("can have a CN and no SAN, or no usages at all", async () => {
    const certificate = read(await authority.issue({ commonName: "f1" }));
    expect(certificate.subject).toBe("CN=f1");
    expect(certificate.subjectAltName).toBeUndefined();
    expect(certificate.keyUsage).toBeUndefined();
  });

  it("can be a CA: what it issues verifies through it, as far as path lengths allow", async () => {
    const middle = await authority.issue({ commonName: "middle CA", ca: { pathLength: 0 } });
    const issuing = await openAuthority(middle.certPem, middle.keyPem);
    const leaf = await issuing.issueFunction({ names: ["f1"] });
    const unknown = { server: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", client: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" };
    await expect(verdicts({ server: leaf, client: leaf })).resolves.toEqual(unknown);
    const withMiddle = chain(leaf, middle);
    await expect(verdicts({ server: withMiddle, client: withMiddle })).resolves.toEqual(GOOD);

    const tooDeep = await issuing.issue({ commonName: "third CA", ca: true });
    const third = await openAuthority(tooDeep.certPem, tooDeep.keyPem);
    const deep = chain(await third.issueFunction({ names: ["f1"] }), tooDeep, middle);
    const exceeded = { server: "PATH_LENGTH_EXCEEDED", client: "PATH_LENGTH_EXCEEDED" };
    await expect(verdicts({ server: deep, client: deep })).resolves.toEqual(exceeded);
  });

  it("can be signed by nobody but itself", async () => {
    const identity = await createSelfSigned("spiffe://example.org/f1");
    const certificate = read(identity);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.subjectAltName).toBe("URI:spiffe://example.org/f1");
    expect(certificate.checkPrivateKey(createPrivateKey(identity.keyPem))).toBe(true);
  });
});

describe("a revocation list", () => {
  it("makes node:tls reject what is on it, and nothing else", async () => {
    const good = await authority.issueFunction({ names: ["f1"] });
    const bad = await authority.issueFunction({ names: ["f2"] });
    const alsoBad = await authority.issueFunction({ names: ["f3"] });
    const { serialNumber } = read(alsoBad);
    const revoked = [{ certPem: bad.certPem }, { serial: serialNumber }, { serial: serialNumber.toLowerCase() }];
    const crl = await authority.crl({ revoked });
    expect(crl).toMatch(/^-----BEGIN X509 CRL-----\n.*\n-----END X509 CRL-----\n$/s);
    await expect(verdicts({ server: good, client: good, crl })).resolves.toEqual(GOOD);
    await expect(verdicts({ server: good, client: bad, crl })).resolves.toEqual({ ...GOOD, client: "CERT_REVOKED" });
    await expect(verdicts({ server: good, client: alsoBad, crl })).resolves.toEqual({
      ...GOOD,
      client: "CERT_REVOKED",
    });
  });

  it("may be empty, and may be out of date", async () => {
    const good = await authority.issueFunction({ names: ["f1"] });
    const empty = await authority.crl({ revoked: [] });
    const old = await authority.crl({ revoked: [], thisUpdate: new Date(0), nextUpdate: new Date(Date.now() - DAY) });
    await expect(verdicts({ server: good, client: good, crl: empty })).resolves.toEqual(GOOD);
    const expired = { ...GOOD, client: "CRL_HAS_EXPIRED" };
    await expect(verdicts({ server: good, client: good, crl: old })).resolves.toEqual(expired);
  });
});

interface Verdicts {
  /** what the client found wrong with the server's certificate; null if nothing */
  readonly server: string | null;
  /** what the server found wrong with the client's */
  readonly client: string | null;
}

const GOOD: Verdicts = { server: null, client: null };

/** Has a TLS server and a TLS client verify one another. Only the server uses the `crl`. */
async function verdicts(ends: { ca?: Identity; server: Identity; client: Identity; crl?: string }): Promise<Verdicts> {
  const ca = (ends.ca ?? authority).certPem;
  const client = Promise.withResolvers<TLSSocket>();
  const server = createServer(
    { ...tlsOptions(ends.server, ca), requestCert: true, ...(ends.crl !== undefined && { crl: ends.crl }) },
    client.resolve,
  );
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    ...tlsOptions(ends.client, ca),
    port,
    host: "127.0.0.1",
    checkServerIdentity: () => undefined,
  });
  socket.on("error", client.reject);
  try {
    const accepted = await client.promise;
    const found = { server: verdict(socket), client: verdict(accepted) };
    accepted.destroy();
    return found;
  } finally {
    socket.destroy();
    await new Promise((closed) => server.close(closed));
  }
}

function tlsOptions({ certPem, keyPem }: Identity, ca: string) {
  return { cert: certPem, key: keyPem, ca, rejectUnauthorized: false };
}

function verdict(socket: TLSSocket): string | null {
  return socket.authorized ? null : String(socket.authorizationError);
}

/** The same identity, sending the CAs between it and the root along. */
function chain(leaf: Identity, ...via: Identity[]): Identity {
  return { certPem: [leaf, ...via].map(({ certPem }) => certPem).join(""), keyPem: leaf.keyPem };
}

describe("a revocation list that is read back", () => {
  it("says who was revoked, when, and until when it holds; of this authority alone", async () => {
    const authority = await createAuthority({ commonName: "one" });
    const { certPem } = await authority.issueFunction({ names: ["f1"] });
    const at = new Date(1_700_000_000_000);
    const nextUpdate = new Date(2_700_000_000_000);
    const pem = await authority.crl({ revoked: [{ certPem, at }], thisUpdate: at, nextUpdate });
    const serial = normalSerial(new X509Certificate(certPem).serialNumber);
    expect(await readCrl(pem, authority)).toEqual({ revoked: [{ serial, at }], nextUpdate });
    await expect(readCrl(pem, await createAuthority({ commonName: "one" }))).rejects.toThrow(/not signed by this/);
    await expect(readCrl("nonsense", authority)).rejects.toThrow(/no revocation list/);
  });

  it("is read, however many it names", async () => {
    const authority = await createAuthority({ commonName: "ca" });
    const revoked = Array.from({ length: 1_500 }, (_, index) => ({ serial: (0x1000 + index).toString(16) }));
    const list = await readCrl(await authority.crl({ revoked }), authority);
    expect(list.revoked.map(({ serial }) => serial)).toEqual(revoked.map(({ serial }) => normalSerial(serial)));
  }, 30_000);
});
