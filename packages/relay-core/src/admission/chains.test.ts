/** Chains of certificates, right and wrong: what the relay says of each is what the model of PROTOCOL.md says of its description. */
import { type ChainPlan, chainPlans, judgeAsking, type Rules, soundIssuer } from "@serverless-relay/protocol-model";
import { connectHead, OuterClient, until } from "@serverless-relay/testkit";
import { type Issued, Issuing } from "@serverless-relay/testkit/chains";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeCertificates, startRelay, type TestRelay } from "../relay.test-support.ts";

/** Of each kind of flaw there are three or so. */
const COUNT = 120;
const SEED = 1;
const AT_ONCE = 8;
const NOW = Date.now();

const SPIFFE = "spiffe://example.org/f1";
const NAMES = ["f1", "f3", "F1", "f1.", "evil", SPIFFE, "spiffe://example.org/f3", "https://example.org/f1"];

interface Case {
  readonly plan: ChainPlan;
  readonly issued: Issued;
}

const cases: Case[] = [];
let ca: string;
let pin: string;
let rules: Rules;
let withLists: TestRelay;
let withoutLists: TestRelay;

beforeAll(async () => {
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
  const certificates = await makeCertificates();
  ca = certificates.authority.certPem;
  const lists = cases.map(({ issued }) => issued.lists).join("") + (await issuing.anchorLists());
  const crl = lists.match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g) ?? [];
  withoutLists = await startRelay({ ...certificates, ca: issuing.anchors });
  withLists = await startRelay({ ...certificates, ca: issuing.anchors, crl });
  for (const { relay } of [withLists, withoutLists]) {
    relay.routes.delete("f1", "f2");
    for (const { between, pins } of rules.routes) {
      const [f1, f2] = between;
      relay.routes.set({ f1, f2, ...(pins && { options: { pins: { f1: [pin] } } }) });
    }
  }
}, 60_000);

afterAll(async () => {
  await withLists.close();
  await withoutLists.close();
});

function request(target: string): Buffer {
  return Buffer.from(connectHead(`${target}:443`, { "Relay-Transport": "raw" }));
}

/** A reason, or the name by which it is admitted. */
async function ask({ plan, issued }: Case, target: string): Promise<string> {
  const { port, events } = plan.lists === "none" ? withoutLists : withLists;
  const before = events.length;
  // So that the client itself makes no fuss about its certificate.
  const client = await OuterClient.dial(port, { ...issued, ca }, { ciphers: "DEFAULT:@SECLEVEL=0" });
  client.socket.write(await client.flight(request(target)));
  const answered = client.answer();
  answered.catch(() => {});
  const event = await until("the relay says what became of it", () =>
    events
      .slice(before)
      .find(
        (each) =>
          ["admitted", "refused", "dropped"].includes(each.event) &&
          "address" in each &&
          each.address === client.address,
      ),
  );
  if (event.event === "refused") expect(await answered).toContain(`reason=${event.reason}\r\n`);
  client.destroy();
  return event.event === "admitted"
    ? `admitted as ${event.name}`
    : "reason" in event
      ? String(event.reason)
      : event.event;
}

function allowed({ plan }: Case, target: string): string[] {
  const verdicts = judgeAsking(plan, request(target), { rules, pin, now: NOW });
  return verdicts.map((verdict) => (typeof verdict === "string" ? verdict : `admitted as ${verdict.as}`));
}

it.each(["f2", "f4", "f7"])(
  "each is judged as the rules say, when it asks for %s",
  async (target) => {
    const said = new Set<string>();
    for (let next = 0; next < cases.length; next += AT_ONCE) {
      const some = cases.slice(next, next + AT_ONCE);
      const verdicts = await Promise.all(some.map((one) => ask(one, target)));
      for (const [index, one] of some.entries()) {
        const verdict = verdicts[index] ?? "";
        said.add(verdict);
        expect(allowed(one, target), `${verdict} was said of ${JSON.stringify(one.plan)}`).toContain(verdict);
      }
    }
    expect(said.has("admitted as f1")).toBe(target !== "f4");
    expect(said.size).toBeGreaterThan(8); // else it would show nothing
  },
  30_000,
);
