import { X509Certificate } from "node:crypto";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { type End, type FunctionFiles, meet, OuterClient, RunningRelay, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";

const RELOADS = 100;
const SESSIONS = 6;

interface State {
  readonly "relay.pem": string;
  readonly "relay.key": string;
  readonly "crl.pem": string;
  readonly "relayd.yaml": string;
}

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;
let good: readonly [State, State];

beforeEach(async () => {
  relay = await RunningRelay.prepare({ tls: "crl: crl.pem" });
  const yaml = await relay.read("relayd.yaml");
  good = [
    await makeState(yaml),
    await makeState(`${yaml}drain: { timeout: 2s }\n`.replace("drain: { timeout: 1s }\n", "")),
  ];
  await put(good[0]);
  await relay.boot();
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterEach(() => relay.finish());

async function makeState(yaml: string): Promise<State> {
  const { certPem, keyPem } = await relay.authority.issueRelay({ hosts: ["localhost"] });
  const crl = await relay.authority.crl({ revoked: [] });
  return { "relay.pem": certPem, "relay.key": keyPem, "crl.pem": crl, "relayd.yaml": yaml };
}

/** Each file is replaced in one step; together they are not, so that relayd may well see some old and some new. */
async function put(files: Partial<State>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await rename(await relay.write(`${name}.new`, content), join(relay.directory, name));
  }
}

/** What is wrong in each third reload, and what relayd says of it. */
async function badFiles(): Promise<readonly (readonly [Partial<State>, RegExp])[]> {
  const [{ "relay.pem": cert, "relayd.yaml": yaml }] = good;
  const stranger = await relay.authority.issueRelay({ hosts: ["localhost"] });
  const past = (days: number) => new Date(Date.now() - days * 86_400_000);
  const expired = await relay.authority.crl({ revoked: [], thisUpdate: past(9), nextUpdate: past(1) });
  return [
    [{ "relay.pem": cert.slice(0, cert.length / 2) }, /tls\.cert .*relay\.pem: is cut off in the middle of a block/],
    [{ "relay.key": stranger.keyPem }, /tls\.key .*relay\.key: is not the key of the certificate/],
    [{ "relayd.yaml": `${yaml}limits: [` }, /relayd\.yaml:\d+:\d+/],
    [{ "crl.pem": expired }, /tls\.crl .*crl\.pem: the CRL of .* ran out on/],
  ];
}

/** Both ends of a session talk all the time; every byte is checked. */
function keepTalking(one: End, other: End): { rounds: number } {
  const seen = { rounds: 0 };
  let expected = "";
  const speak = () => {
    expected = `round ${seen.rounds} of a session that nobody may disturb`;
    one.stream.write(expected);
  };
  let heard = "";
  other.stream.on("data", (chunk: Buffer) => other.stream.write(chunk)).resume();
  one.stream
    .on("data", (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.length < expected.length) return;
      if (heard !== expected) throw new Error(`not what was sent: ${heard}`);
      heard = "";
      seen.rounds++;
      setImmediate(speak);
    })
    .resume();
  speak();
  return seen;
}

async function servedCertificate(): Promise<string> {
  const client = await OuterClient.dial(relay.port, f1);
  const { raw } = client.tls.getPeerCertificate();
  client.destroy();
  return new X509Certificate(raw).fingerprint256;
}

it("a third of them with bad files: sessions run on, every bad one is reported, and it is old or new, never between", {
  timeout: 120_000,
}, async () => {
  const bad = await badFiles();
  const fingerprints = good.map((state) => new X509Certificate(state["relay.pem"]).fingerprint256);
  const sessions: { ends: readonly [End, End]; talk: { rounds: number } }[] = [];
  for (let index = 0; index < SESSIONS; index++) {
    const { ends } = await meet(relay, f1, f2, [{}, { transport: index % 3 === 0 ? "tls" : "raw" }]);
    sessions.push({ ends, talk: keepTalking(...ends) });
  }
  let meetings = 0;
  let done = false;
  const newcomers = (async () => {
    for (; !done; meetings++) {
      const { ends } = await meet(relay, f1, f2, [{ channel: 7 }, { channel: 7 }]);
      for (const end of ends) end.destroy();
    }
  })();

  let current = 0;
  for (let round = 0; round < RELOADS; round++) {
    if (round % 3 === 2) {
      const [files, message] = bad[Math.floor(round / 3) % bad.length] ?? [{}, /never/];
      await put(files);
      await expect(relay.control.reload()).rejects.toThrow(message);
      expect((await relay.status()).reload).toMatchObject({ ok: false, problems: [expect.stringMatching(message)] });
      expect(await servedCertificate()).toBe(fingerprints[current]);
      await put(good[current === 0 ? 0 : 1]);
      continue;
    }
    current = 1 - current;
    await put(good[current === 0 ? 0 : 1]);
    await relay.control.reload();
    expect(await servedCertificate()).toBe(fingerprints[current]);
  }
  await until("the last good files are in force", async () => (await relay.status()).reload.ok);

  const before = sessions.map(({ talk }) => talk.rounds);
  await until("every session has gone on", () =>
    sessions.every(({ talk }, index) => talk.rounds > (before[index] ?? 0)),
  );
  done = true;
  await newcomers;
  expect(meetings).toBeGreaterThan(0);
  const { reload, refused } = await relay.status();
  expect(reload.bad).toBeGreaterThanOrEqual(Math.floor(RELOADS / 3));
  expect(Object.keys(refused).filter((reason) => reason.startsWith("certificate_"))).toEqual([]);
  expect(
    relay.log().filter((entry) => entry.event === "ended" && String(entry.reason).startsWith("certificate_")),
  ).toEqual([]);
  expect((await relay.control.listSessions()).length).toBe(SESSIONS);
  for (const { ends } of sessions) for (const end of ends) end.destroy();
});
