import { existsSync } from "node:fs";
import { type Authority, createAuthority } from "@serverless-relay/pki";
import { connectHead, RunningRelay } from "@serverless-relay/testkit";
import { beforeAll, expect, it } from "vitest";
import { Asking } from "./asking.ts";

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const NOW = Date.now();
const LIBRARIES = ["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`);

/** From and until when, beside now. */
const CERTIFICATES = {
  old: [-800 * DAY, 800 * DAY],
  "just issued": [-MINUTE, DAY],
  "about to run out": [-DAY, 3 * MINUTE],
} as const;

/** By how much the relay's clock is wrong, and what it says to each of them. */
const SKEWS = [
  ["five minutes fast", "+5m", ["admitted", "admitted", "certificate_expired"]],
  ["five minutes slow", "-5m", ["admitted", "certificate_not_yet_valid", "admitted"]],
  ["a year fast", "+365d", ["admitted", "certificate_expired", "certificate_expired"]],
  ["a year slow", "-365d", ["admitted", "certificate_not_yet_valid", "certificate_not_yet_valid"]],
] as const;

let authority: Authority;

beforeAll(async () => {
  authority = await createAuthority({
    commonName: "relay test",
    notBefore: new Date(NOW - 900 * DAY),
    notAfter: new Date(NOW + 900 * DAY),
  });
});

const between = ([from, until]: readonly [number, number]) => ({
  notBefore: new Date(NOW + from),
  notAfter: new Date(NOW + until),
});

it.each(SKEWS)("a relay's clock that is %s", async (_what, offset, verdicts) => {
  const library = LIBRARIES.find((path) => existsSync(path));
  if (library === undefined) throw new Error("libfaketime is not there; install the package faketime");
  const relay = await RunningRelay.prepare({ authority });
  const own = await authority.issueRelay({ hosts: ["localhost"], ...between(CERTIFICATES.old) });
  await relay.write("relay.pem", own.certPem);
  await relay.write("relay.key", own.keyPem);
  relay.environment = { LD_PRELOAD: library, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
  await relay.boot();
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  const asking = new Asking(relay);
  const said: string[] = [];
  for (const dates of Object.values(CERTIFICATES)) {
    const { certPem, keyPem } = await authority.issueFunction({ names: ["f1"], ...between(dates) });
    const request = Buffer.from(connectHead("f2:443", { "Relay-Transport": "raw" }));
    const verdict = await asking.ask({ cert: certPem, key: keyPem, ca: authority.certPem }, request);
    said.push(typeof verdict === "string" ? verdict : "admitted");
  }
  expect(said).toEqual(verdicts);
  await relay.finish();
});
