/** sslscan over the shared listener. What testssl finds besides, by hand, is what a certificate of a private CA does not have. */
import { RunningRelay, runCommand } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

let relay: RunningRelay;
let found: string;

beforeAll(async () => {
  relay = await RunningRelay.start();
  const { code, stdout, stderr } = await runCommand("sslscan", ["--xml=-", `127.0.0.1:${relay.port}`], {
    timeoutMs: 60_000,
  });
  if (code !== 0) throw new Error(stderr);
  found = stdout;
});

afterAll(() => relay.finish());

/** Of all elements of this name, one attribute. */
function attributes(element: string, attribute: string): string[] {
  return [...found.matchAll(new RegExp(`<${element} [^>]*\\b${attribute}="([^"]*)"`, "g"))].map(
    ([, value = ""]) => value,
  );
}

it("TLS 1.3 and no other version", () => {
  expect(attributes("protocol", "version")).toEqual(["2", "3", "1.0", "1.1", "1.2", "1.3"]);
  expect(attributes("protocol", "enabled")).toEqual(["0", "0", "0", "0", "0", "1"]);
});

it("no renegotiation, no compression, no heartbleed", () => {
  expect(attributes("renegotiation", "supported")).toEqual(["0"]);
  expect(attributes("compression", "supported").filter((supported) => supported !== "0")).toEqual([]);
  expect(attributes("heartbleed", "vulnerable")).toEqual(["0"]);
});

it("the ciphers of TLS 1.3, and no weak one among them", () => {
  expect(attributes("cipher", "cipher").length).toBeGreaterThan(0);
  expect(attributes("cipher", "cipher").filter((name) => !name.startsWith("TLS_"))).toEqual([]);
  expect(attributes("cipher", "strength").filter((strength) => !["acceptable", "strong"].includes(strength))).toEqual(
    [],
  );
  expect(attributes("group", "bits").filter((bits) => Number(bits) < 112)).toEqual([]);
});
