import { beforeAll, describe, expect, it, vi } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.test-support.ts";
import { type ConnectOptions, planOf } from "./options.ts";

let certificates: Certificates;

beforeAll(async () => {
  certificates = await makeCertificates();
});

function plan(options: Partial<ConnectOptions>) {
  return planOf({ relay: "127.0.0.1:1", peer: "f2", identity: certificates.f1, ...options });
}

describe("options", () => {
  it.each([
    ["relay.example:8443", { host: "relay.example", port: 8443 }],
    ["[::1]:8443", { host: "::1", port: 8443 }],
    [
      { host: "::1", port: 8443 },
      { host: "::1", port: 8443 },
    ],
  ])("read relay %j", (relay, expected) => {
    expect(plan({ relay }).relay).toEqual(expected);
    expect(plan({ relay }).servername).toBe(expected.host);
  });

  it.each([
    ["relay", "localhost"],
    ["relay", "::1:8443"],
    ["relay", "https://relay:8443"],
    ["relay", "relay:0"],
    ["relay", { host: "", port: 1 }],
    ["relay", { host: "relay", port: 65_536 }],
    ["peer", ""],
    ["peer", "f 2"],
    ["peer", "*.example"],
    ["as", "-f"],
    ["role", "both"],
    ["transport", "udp"],
    ["wait", 1.5],
    ["wait", -1],
    ["channel", 0],
    ["channel", "two words"],
    ["timeout", 0],
    ["timeout", Number.POSITIVE_INFINITY],
  ])("refuse %s %j by name", (option, value) => {
    expect(() => plan({ [option]: value })).toThrow(RangeError);
    expect(() => plan({ [option]: value })).toThrow(new RegExp(`^${option}: `));
  });

  it.each(["cert", "key", "ca"] as const)("refuse an identity.%s that is no PEM", (part) => {
    const identity = { ...certificates.f1, [part]: "rubbish" };
    expect(() => plan({ identity })).toThrow(new RegExp(`^identity\\.${part} must be `));
  });

  it("refuse the key of another certificate, and a CA for the relay that is none", () => {
    const identity = { ...certificates.f1, key: certificates.f2.key };
    expect(() => plan({ identity })).toThrow("identity.key must be an unencrypted private key in PEM that belongs");
    expect(() => plan({ relayCa: "" })).toThrow(/^relayCa must be /);
  });

  it("are not looked at by a Node that is too old: it is told so", () => {
    vi.stubGlobal("Promise", {}); // Node 20's lacks withResolvers
    try {
      expect(() => plan({})).toThrow(`needs Node 22.13 or later; this is ${process.version}`);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("give time to wait for the peer, and some more", () => {
    expect(plan({}).timeout).toBe(90_000);
    expect(plan({ wait: 300 }).timeout).toBe(330_000);
    expect(plan({ wait: 300, timeout: 5 }).timeout).toBe(5);
  });
});
