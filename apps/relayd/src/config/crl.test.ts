import "reflect-metadata";
import { X509Crl } from "@peculiar/x509";
import { type Authority, createAuthority } from "@serverless-relay/pki";
import { beforeAll, describe, expect, it } from "vitest";
import { longCrl } from "./crl.test-support.ts";
import { normalSerial, readCrl } from "./crl.ts";

let authority: Authority;

beforeAll(async () => {
  authority = await createAuthority({ commonName: "CA, of one" });
});

const thisUpdate = new Date("2026-01-02T03:04:05Z");

describe("a CRL", () => {
  it.each([
    ["without entries", [], new Date("2027-01-01T00:00:00Z")],
    [
      "with entries",
      ["01", "7f", "80", "00ff", "0123456789abcdef0123456789abcdef01234567"],
      new Date("2049-12-31T23:59:59Z"),
    ],
    ["that holds for longer than years of two digits go", ["02"], new Date("2050-01-01T00:00:00Z")],
  ])("%s is read as a library reads it", async (_, serials, nextUpdate) => {
    const pem = await authority.crl({ revoked: serials.map((serial) => ({ serial })), thisUpdate, nextUpdate });
    const known = new X509Crl(pem);
    const read = await readCrl(pem);
    expect(read).toMatchObject({ thisUpdate: known.thisUpdate, nextUpdate: known.nextUpdate });
    expect([...read.serials]).toEqual(known.entries.map(({ serialNumber }) => normalSerial(serialNumber)));
    expect(read.serials.size).toBe(serials.length);
  });

  it("of which any byte is missing at the end is not read", async () => {
    const pem = await authority.crl({ revoked: [{ serial: "01" }], thisUpdate });
    const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64");
    for (let length = 0; length < der.length; length++) {
      await expect(readCrl(der.subarray(0, length).toString("base64"))).rejects.toThrow(/byte/);
    }
  });

  it("with any byte changed is read, or said to be damaged at some byte", async () => {
    const pem = await authority.crl({ revoked: [{ serial: "01" }, { serial: "02" }], thisUpdate });
    const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64");
    for (const at of der.keys()) {
      for (const byte of [0x00, 0x7f, 0x80, 0x84, 0xff]) {
        const changed = Buffer.from(der);
        changed[at] = byte;
        await readCrl(changed.toString("base64")).catch((error: unknown) => expect(String(error)).toMatch(/ at byte /));
      }
    }
  });

  it("of 100,000 entries is read, and others have their turn meanwhile", async () => {
    const { pem, serials } = longCrl(100_000);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const read = await readCrl(pem);
    clearInterval(timer);
    expect(read.serials.size).toBe(100_000);
    expect(serials.every((serial) => read.serials.has(serial))).toBe(true);
    expect(turns).toBeGreaterThan(5);
  });
});
