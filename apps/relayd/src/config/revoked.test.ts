import { X509Certificate } from "node:crypto";
import "reflect-metadata";
import { Name, X509Certificate as X509Parsed } from "@peculiar/x509";
import { type Authority, createAuthority, openAuthority } from "@serverless-relay/pki";
import { beforeAll, expect, it } from "vitest";
import { readCrl } from "./crl.ts";
import { revokedBy } from "./revoked.ts";

let authority: Authority;

beforeAll(async () => {
  authority = await createAuthority({ commonName: "CA, of one" });
});

async function leaf(issuer = authority): Promise<X509Certificate> {
  return new X509Certificate((await issuer.issueFunction({ names: ["f1"] })).certPem);
}

async function judge(...pems: string[]) {
  const lists = await Promise.all(pems.map(readCrl));
  return revokedBy(
    lists.map((list) => ({ ...list, issuer: new Name(list.issuer).toString() })),
    X509Parsed,
  );
}

it("knows who is on the list of its own CA, and nobody else", async () => {
  const [revoked, other] = [await leaf(), await leaf()];
  const stranger = await createAuthority({ commonName: "another CA" });
  const isRevoked = await judge(await authority.crl({ revoked: [{ certPem: revoked.toString() }] }));
  expect(isRevoked(revoked)).toBe(true);
  expect(isRevoked(other)).toBe(false);
  expect(isRevoked(await leaf(stranger))).toBe(false);
  // the same serial of another CA is another certificate
  const elsewhere = await judge(await stranger.crl({ revoked: [{ certPem: revoked.toString() }] }));
  expect(elsewhere(revoked)).toBe(false);
});

it("knows intermediates, and who they issued, each by its own list", async () => {
  const issued = await authority.issue({ commonName: "middle", ca: true });
  const middle = await openAuthority(issued.certPem, issued.keyPem);
  const below = await leaf(middle);
  const isRevoked = await judge(
    await authority.crl({ revoked: [{ certPem: issued.certPem }] }),
    await middle.crl({ revoked: [{ certPem: below.toString() }] }),
  );
  expect(isRevoked(new X509Certificate(issued.certPem))).toBe(true);
  expect(isRevoked(below)).toBe(true);
});

it("goes by the latest of several lists of a CA, whichever comes first", async () => {
  const certificate = await leaf();
  const on = await authority.crl({ revoked: [{ certPem: certificate.toString() }], thisUpdate: new Date(1e12) });
  const off = await authority.crl({ revoked: [], thisUpdate: new Date(1.1e12) });
  expect((await judge(on, off))(certificate)).toBe(false);
  expect((await judge(off, on))(certificate)).toBe(false);
  expect((await judge(on))(certificate)).toBe(true);
});
