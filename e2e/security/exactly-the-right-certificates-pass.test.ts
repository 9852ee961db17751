/**
 * Certificates of all kinds, right and wrong, by the real relayd: who is admitted, and why not, is what the model of PROTOCOL.md
 * says of their description. The long form is CERTIFICATES=2000; CERTIFICATES_SEED repeats a run.
 */
import {
  type ChainPlan,
  chainPlans,
  judgeAsking,
  type Rules,
  soundIssuer,
  type Verdict,
} from "@serverless-relay/protocol-model";
import { connectHead, RunningRelay } from "@serverless-relay/testkit";
import { type Issued, Issuing } from "@serverless-relay/testkit/chains";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Asking } from "./asking.ts";

const COUNT = Number(process.env.CERTIFICATES ?? 201);
const SEED = Number(process.env.CERTIFICATES_SEED ?? Math.floor(Math.random() * 2 ** 31));
const AT_ONCE = 8;
const NOW = Date.now();

/** Names that a certificate of these chains bears, or that somebody might read into it. */
const SPIFFE = "spiffe://example.org/f1";
const NAMES = ["f1", "f3", "F1", "f1.", "evil", SPIFFE, "spiffe://example.org/f3", "https://example.org/f1"];
/** f2 meets them all, f4 nobody, f7 those whose key is pinned. */
const TARGETS = ["f2", "f4", "f7"];

interface Case {
  readonly plan: ChainPlan;
  readonly issued: Issued;
}

interface Place {
  readonly relay: RunningRelay;
  readonly asking: Asking;
}

let rules: Rules;
let pin: string;
const cases: Case[] = [];
let withLists: Place;
let withoutLists: Place;

beforeAll(
  async () => {
    const issuing = await Issuing.begin(soundIssuer(NOW));
    pin = await issuing.pin();
    for (const [id, plan] of chainPlans(COUNT, SEED, NOW).entries()) {
      cases.push({ plan, issued: await issuing.issue(plan, id) });
    }
    rules = {
      headSize: 16_384,
      routes: NAMES.flatMap((name) => [
        { between: [name, "f2"] as const },
        { between: [name, "f7"] as const, pins: { [name]: [pin] } },
      ]),
    };
    withoutLists = await start(issuing.anchors, null);
    const lists = cases.map(({ issued }) => issued.lists).join("") + (await issuing.anchorLists());
    withLists = await start(issuing.anchors, lists);
  },
  60_000 + COUNT * 500,
);

afterAll(async () => {
  await withLists.relay.finish();
  await withoutLists.relay.finish();
});

async function start(anchors: string, lists: string | null): Promise<Place> {
  const relay = await RunningRelay.prepare({
    yaml: "limits: { arrivalsPerAddress: 100000, arrivalsPerFunction: 100000 }",
    ...(lists === null ? {} : { tls: "crl: crl.pem" }),
  });
  await relay.write("ca.pem", anchors);
  if (lists !== null) await relay.write("crl.pem", lists);
  await relay.boot();
  for (const { between, pins } of rules.routes) {
    const [f1, f2] = between;
    await relay.control.addRoute({ f1, f2, ...(pins === undefined ? {} : { pins: { f1: [pin] } }) });
  }
  return { relay, asking: new Asking(relay) };
}

async function ask({ plan, issued }: Case, target: string): Promise<Verdict> {
  const { relay, asking } = plan.lists === "none" ? withoutLists : withLists;
  const credentials = { cert: issued.cert, key: issued.key, ca: relay.authority.certPem };
  // So that the client itself makes no fuss about its certificate.
  return asking.ask(credentials, request(target), { ciphers: "DEFAULT:@SECLEVEL=0" });
}

function request(target: string): Buffer {
  return Buffer.from(connectHead(`${target}:443`, { "Relay-Transport": "raw" }));
}

/** What is wrong with the verdict on one; null if nothing is. */
async function compare(one: Case, target: string, verdicts: Set<string>): Promise<string | null> {
  const said = await ask(one, target);
  verdicts.add(typeof said === "string" ? said : "admitted");
  const right = judgeAsking(one.plan, request(target), { rules, pin, now: NOW }).map((verdict) =>
    JSON.stringify(verdict),
  );
  if (right.includes(JSON.stringify(said))) return null;
  return `${one.plan.flaw}: ${JSON.stringify(said)}, not ${right.join(" or ")}, for ${JSON.stringify(one.plan)}`;
}

it.each(TARGETS)(`${COUNT} chains ask for %s`, { timeout: 60_000 + COUNT * 50 }, async (target) => {
  process.stderr.write(`CERTIFICATES_SEED=${SEED}\n`);
  const verdicts = new Set<string>();
  const wrong: string[] = [];
  for (let next = 0; next < cases.length; next += AT_ONCE) {
    const some = await Promise.all(cases.slice(next, next + AT_ONCE).map((one) => compare(one, target, verdicts)));
    wrong.push(...some.filter((difference) => difference !== null));
  }
  expect(wrong).toEqual([]);
  // Else it would show nothing.
  expect(verdicts.has("admitted")).toBe(target !== "f4");
  expect(verdicts.size).toBeGreaterThan(8);
});
