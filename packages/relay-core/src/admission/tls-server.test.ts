import { once } from "node:events";
import { type Server, connect as secure, type TLSSocket } from "node:tls";
import { type Authority, createAuthority } from "@serverless-relay/pki";
import type { ClientCredentials } from "@serverless-relay/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { functionIdentity } from "../relay.test-support.ts";
import { connection } from "./loopback.test-support.ts";
import { type Credentials, createTlsServer, secureContext } from "./tls-server.ts";

let authority: Authority;
let other: Authority;
let credentials: Credentials;
let f1: Required<ClientCredentials>;
let f2: Required<ClientCredentials>;

beforeAll(async () => {
  authority = await createAuthority({ commonName: "test" });
  other = await createAuthority({ commonName: "other" });
  const { certPem, keyPem } = await authority.issueRelay({ hosts: ["localhost"] });
  credentials = { cert: certPem, key: keyPem, ca: authority.certPem + other.certPem };
  f1 = await functionIdentity(authority, "f1");
  f2 = { ...(await functionIdentity(other, "f2")), ca: authority.certPem };
});

interface Ends {
  /** the server's */
  readonly server: TLSSocket;
  readonly client: TLSSocket;
}

/** A handshake over a connection of its own. Rejects with what either end has to say against it. */
async function shake(server: Server, self: ClientCredentials, options: object = {}): Promise<Ends> {
  const { accepted, caller } = await connection();
  const client = secure({ socket: caller, ...self, servername: "localhost", ...options });
  const failed = once(server, "tlsClientError").then(([error]) => Promise.reject(error as Error));
  server.emit("connection", accepted);
  const both = Promise.all([once(server, "secureConnection"), once(client, "secureConnect")]);
  const [[secured]] = (await Promise.race([both, failed])) as [[TLSSocket], unknown];
  failed.catch(() => {});
  return { server: secured, client };
}

const verdict = async (server: Server, self: ClientCredentials) => {
  const ends = await shake(server, self);
  return ends.server.authorized || String(ends.server.authorizationError);
};

describe("a handshake", () => {
  it("is one of TLS 1.3, and no other", async () => {
    const server = createTlsServer(credentials);
    expect((await shake(server, f1)).server.getProtocol()).toBe("TLSv1.3");
    await expect(shake(server, f1, { maxVersion: "TLSv1.2" })).rejects.toThrow(/version|protocol/i);
  });

  it("agrees on http/1.1 with whoever offers it, and on nothing with whoever offers nothing", async () => {
    const server = createTlsServer(credentials);
    const offering = { ALPNProtocols: ["h2", "http/1.1"] };
    expect((await shake(server, f1, offering)).client.alpnProtocol).toBe("http/1.1");
    expect((await shake(server, f1)).client.alpnProtocol).toBe(false);
    await expect(shake(server, f1, { ALPNProtocols: ["h2"] })).rejects.toThrow(/application.protocol/i);
  });

  it("asks for a certificate, and succeeds whatever comes: the refusal is to be heard", async () => {
    const server = createTlsServer(credentials);
    expect(await verdict(server, f1)).toBe(true);
    const stranger = await functionIdentity(await createAuthority({ commonName: "test" }), "f1");
    expect(await verdict(server, { ...stranger, ca: authority.certPem })).toMatch(/^UNABLE_TO_/);
    const { server: nobody } = await shake(server, { ca: authority.certPem });
    expect(nobody.authorized).toBe(false);
    expect(nobody.getPeerCertificate()).toEqual({});
  });

  it("shows the relay's own certificate", async () => {
    const { client } = await shake(createTlsServer(credentials), f1);
    expect([client.authorized, client.getPeerCertificate().subjectaltname]).toEqual([true, "DNS:localhost"]);
  });

  it("gives out nothing by which another could be left out", async () => {
    const server = createTlsServer(credentials);
    const { client, server: first } = await shake(server, f1);
    const session = once(client, "session");
    first.write("so that what comes behind the handshake is read");
    client.resume();
    const [ticket] = (await session) as [Buffer];
    const again = await shake(server, f1, { session: ticket });
    expect([again.server.isSessionReused(), again.client.isSessionReused()]).toEqual([false, false]);
  });
});

describe("whoever has been revoked", () => {
  it("is told apart by one list", async () => {
    const revoked = [{ certPem: f1.cert }];
    const server = createTlsServer({ ...credentials, ca: authority.certPem, crl: await authority.crl({ revoked }) });
    expect(await verdict(server, f1)).toBe("CERT_REVOKED");
    expect(await verdict(server, await functionIdentity(authority, "f1"))).toBe(true);
  });

  it("is told apart by whichever of several lists it is on", async () => {
    const crl = [await authority.crl({ revoked: [] }), await other.crl({ revoked: [{ certPem: f2.cert }] })];
    const server = createTlsServer({ ...credentials, crl });
    expect([await verdict(server, f1), await verdict(server, f2)]).toEqual([true, "CERT_REVOKED"]);
  });

  it("is nobody where there is no list", async () => {
    expect(await verdict(createTlsServer(credentials), f1)).toBe(true);
  });
});

it("other credentials replace all there were, for the handshakes that come", async () => {
  const server = createTlsServer({ ...credentials, crl: await authority.crl({ revoked: [] }) });
  expect(await verdict(server, f2)).toBe("UNABLE_TO_GET_CRL"); // there is none of the other CA
  server.setSecureContext(secureContext(credentials));
  expect(await verdict(server, f2)).toBe(true);
  server.setSecureContext(secureContext({ ...credentials, ca: other.certPem }));
  expect(await verdict(server, f1)).not.toBe(true);
  expect((await shake(server, f2)).server.getProtocol()).toBe("TLSv1.3");
  await expect(shake(server, f2, { maxVersion: "TLSv1.2" })).rejects.toThrow(/version|protocol/i);
});
