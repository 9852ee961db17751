import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  ask,
  type End,
  type FunctionFiles,
  meet,
  OuterClient,
  park,
  RunningRelay,
  refusalReason,
} from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

const WITHIN_MS = 2_000;
/** Of the long list. */
const ENTRIES = Number(process.env.CRL_ENTRIES ?? 20_000);

const run = promisify(execFile);

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let f3: FunctionFiles;
let ends: End[] = [];

beforeEach(async () => {
  relay = await RunningRelay.prepare({ tls: "crl: crl.pem" });
  await relay.write("crl.pem", await relay.authority.crl({ revoked: [] }));
  await relay.boot();
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  await relay.control.addRoute({ f1: "f2", f2: "f3" });
  [f1, f2, f3] = [await relay.issue("f1"), await relay.issue("f2"), await relay.issue("f3")];
});

afterEach(async () => {
  for (const end of ends) end.destroy();
  ends = [];
  await relay.finish();
});

/** As a CA does it: the new list takes the place of the old one in one step. Nobody tells relayd. */
async function revoke(...revoked: FunctionFiles[]): Promise<void> {
  const crl = await relay.authority.crl({ revoked: revoked.map(({ cert }) => ({ certPem: cert })) });
  await rename(await relay.write("crl.pem.new", crl), join(relay.directory, "crl.pem"));
}

/** A CRL that OpenSSL's own CA wrote, of as many as are wanted, `certificates` among them. */
async function writeLongCrl(name: string, certificates: readonly string[]): Promise<void> {
  const serials = [
    ...Array.from({ length: ENTRIES }, (_, index) => `7F${index.toString(16).padStart(30, "0").toUpperCase()}`),
    ...certificates.map((cert) => new X509Certificate(cert).serialNumber),
  ];
  const lines = serials.map((serial) => `R\t351231235959Z\t251120000000Z\t${serial}\tunknown\t/CN=any\n`);
  await relay.write("index.txt", lines.join(""));
  await relay.write("index.txt.attr", "unique_subject = no\n");
  await relay.write("ca.key", relay.authority.keyPem);
  const settings = [
    "database=index.txt",
    "default_md=sha256",
    "default_crl_days=30",
    "certificate=ca.pem",
    "private_key=ca.key",
  ];
  await relay.write("ca.cnf", ["[ca]", "default_ca=own", "[own]", ...settings, ""].join("\n"));
  await run("openssl", ["ca", "-config", "ca.cnf", "-gencrl", "-out", name], { cwd: relay.directory });
}

async function expectEcho(from: End, to: End): Promise<void> {
  from.stream.write("still here");
  const heard = new Promise<string>((resolve) => to.stream.once("data", (chunk: Buffer) => resolve(chunk.toString())));
  to.stream.resume();
  expect(await heard).toBe("still here");
}

it("its parked connections and its sessions are gone within two seconds of the CRL's change, the others' stay", async () => {
  const revoked = await meet(relay, f1, f2);
  const inTls = await meet(relay, f1, f2, [{ transport: "tls" }, { transport: "raw" }]);
  const others = await meet(relay, f2, f3);
  const parked = [await park(relay, f1, "f2"), await park(relay, f1, "f2", { transport: "tls" })];
  const waiting = await park(relay, f3, "f2");
  ends = [...revoked.ends, ...inTls.ends, ...others.ends, ...parked, waiting];

  const broken = Promise.all([...revoked.ends, ...inTls.ends].map((end) => end.broken()));
  const answers = Promise.all(parked.map((end) => end.rest()));
  const began = performance.now();
  await revoke(f1);
  await broken;
  for (const answer of await answers) expect(refusalReason(answer)).toBe("certificate_revoked");
  expect(performance.now() - began).toBeLessThan(WITHIN_MS);

  for (const { session } of [revoked, inTls]) {
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "certificate_revoked", by: "f1" });
  }
  await expectEcho(others.ends[0], others.ends[1]);
  expect(await relay.control.listSessions()).toMatchObject([{ id: others.session }]);
  expect(await relay.control.listParked()).toMatchObject([{ address: waiting.address }]);
  await expect(ask(relay, f1, "f2")).rejects.toThrow("reason=certificate_revoked");
});

it(`so does a list of ${ENTRIES}, whose others are not there`, async () => {
  const [waiting, other] = [await park(relay, f1, "f2"), await park(relay, f3, "f2")];
  ends = [waiting, other];
  await writeLongCrl("long.pem", [f1.cert]);
  const began = performance.now();
  await rename(join(relay.directory, "long.pem"), join(relay.directory, "crl.pem"));
  expect(refusalReason(await waiting.rest())).toBe("certificate_revoked");
  expect(performance.now() - began).toBeLessThan(WITHIN_MS);
  await expect(ask(relay, f1, "f2")).rejects.toThrow("reason=certificate_revoked");
  const peer = await ask(relay, f2, "f3");
  ends = [...ends, peer];
  await Promise.all([other.paired(), peer.paired()]);
});

it("relayctl cert revoke is all that has to be done", async () => {
  await relay.write("ca.key", relay.authority.keyPem);
  const waiting = await park(relay, f1, "f2");
  const other = await park(relay, f3, "f2");
  ends = [waiting, other];
  const { code, stderr } = await relay.relayctl("cert", "revoke", "f1.pem", "--dir", ".");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(refusalReason(await waiting.rest())).toBe("certificate_revoked");
  expect(await relay.control.listParked()).toMatchObject([{ address: other.address }]);
});

it("under sessions.onRevoked: keep, its sessions run on, and nothing new begins", async () => {
  const yaml = `${await relay.read("relayd.yaml")}\nsessions: { onRevoked: keep }\n`;
  await relay.write("relayd.yaml", yaml);
  expect(await relay.control.reload()).toMatchObject({ changed: expect.arrayContaining(["sessions.onRevoked"]) });
  const met = await meet(relay, f1, f2);
  const waiting = await park(relay, f1, "f2");
  ends = [...met.ends, waiting];
  await revoke(f1);
  expect(refusalReason(await waiting.rest())).toBe("certificate_revoked");
  await expectEcho(met.ends[0], met.ends[1]);
});

it("one that is in the middle of being admitted does not slip through", async () => {
  const client = await OuterClient.dial(relay.port, f1);
  await revoke(f1);
  await relay.process.line(/"msg":"reloaded"/);
  client.request("CONNECT f2:443 HTTP/1.1\r\nHost: f2:443\r\n\r\n");
  expect(refusalReason(await client.answer())).toBe("certificate_revoked");
  client.destroy();
});
