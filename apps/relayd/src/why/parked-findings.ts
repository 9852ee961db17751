/** Why they meet or do not, as far as it can be seen from who is parked. */
import type { Finding } from "@serverless-relay/control-api";
import { type ParkedFacts, spanText, type WhyFacts } from "./facts.ts";

/** Whose certificate runs out so soon will hardly be in a session for long. */
const SOON_MS = 10 * 60_000;

export function parkedFindings(facts: WhyFacts): Finding[] {
  const { channel, parked } = facts;
  const here = parked.filter((it) => channel === null || it.channel === channel);
  const found = [...meetingFindings(facts, here), ...here.flatMap((it) => certificateFindings(facts, it))];
  const elsewhere = parked.filter((it) => !here.includes(it));
  return elsewhere.length === 0 ? found : [...found, otherChannels(facts, here, elsewhere)];
}

function meetingFindings(facts: WhyFacts, parked: readonly ParkedFacts[]): Finding[] {
  const { f1, f2, channel, now } = facts;
  const on = channel === null ? "" : ` on channel ${channel}`;
  if (parked.length === 0) {
    const text = `neither ${f1} nor ${f2} is parked${on}: both have to dial the relay`;
    return [{ code: "nobody_parked", severity: "info", text: f1 === f2 ? `no ${f1} is parked${on}` : text }];
  }
  const pairs = pairsOf(facts, parked);
  if (pairs.length === 0) {
    const [one] = parked.toSorted((a, b) => a.parkedAt - b.parkedAt);
    return one === undefined ? [] : [oneParked(facts, one)];
  }
  if (pairs.some(([a, b]) => isPlain(a) === isPlain(b) && meetAt(a) === meetAt(b) && rolesFit(a, b))) {
    return [{ code: "about_to_meet", severity: "info", text: "both are parked and fit: they are being paired" }];
  }
  const [sameRole] = pairs.filter(([a, b]) => !isPlain(a) && !isPlain(b) && a.channel === b.channel);
  if (sameRole !== undefined) {
    const [{ channel: at, role }] = sameRole;
    const text = `both are parked on channel ${at}, and both ask for Relay-Role: ${role}; have one of them ask for the other, or for none`;
    return [{ code: "same_role", severity: "error", text }];
  }
  const [verified] = pairs.filter(([a, b]) => !isPlain(a) && !isPlain(b));
  if (verified === undefined) {
    const text = "one of them came by a plain listener, and such meet only one another; have both come by the same";
    return [{ code: "plain_and_verified", severity: "error", text }];
  }
  const [a, b] = verified;
  const since = (it: ParkedFacts) =>
    `${it.name} is parked on channel ${it.channel}, for ${spanText(now - it.parkedAt)}`;
  const text = `${since(a)}; ${since(b)}: have both ask for the same channel`;
  return [{ code: "different_channels", severity: "error", text }];
}

/** Each two that would be of the two functions, whatever keeps them apart. */
function pairsOf({ f1, f2 }: WhyFacts, parked: readonly ParkedFacts[]): (readonly [ParkedFacts, ParkedFacts])[] {
  const ofName = (name: string) => parked.filter((it) => it.name === name);
  const plain = parked.filter(isPlain);
  const ones = [...firstOfEach(ofName(f1)), ...plain.slice(0, 1)];
  const others = f1 === f2 ? parked : [...firstOfEach(ofName(f2)), ...plain.slice(0, 2)];
  return ones.flatMap((a) => others.filter((b) => b !== a).map((b) => [a, b] as const));
}

/** One for each channel and role: thousands may wait alike, and there are no more kinds of answer than that. */
function firstOfEach(parked: readonly ParkedFacts[]): ParkedFacts[] {
  const kinds = new Map(parked.toReversed().map((it) => [`${it.channel} ${it.role}`, it]));
  return [...kinds.values()].toReversed().slice(0, 100);
}

function oneParked({ f1, f2, now }: WhyFacts, one: ParkedFacts): Finding {
  const peer = one.name === null ? "a second connection" : one.name === f1 ? f2 : f1;
  const who = one.name ?? "one that nobody verified";
  const since = `${who} has been parked on channel ${one.channel} for ${spanText(now - one.parkedAt)}`;
  const text = `${since}, and waits ${spanText(one.deadline - now)} yet; ${peer} has not come`;
  return { code: "one_parked", severity: "info", text };
}

function otherChannels(
  { channel }: WhyFacts,
  here: readonly ParkedFacts[],
  elsewhere: readonly ParkedFacts[],
): Finding {
  const names = [...new Set(elsewhere.map((it) => `${it.name ?? "a plain one"} on channel ${it.channel}`))];
  const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  const text = `not on channel ${channel} are parked: ${shown.join(", ")}`;
  return { code: "different_channels", severity: here.length === 0 ? "warning" : "info", text };
}

function certificateFindings({ now }: WhyFacts, { name, notAfter, deadline }: ParkedFacts): Finding[] {
  if (notAfter === null || notAfter > Math.max(deadline, now + SOON_MS)) return [];
  const when = `${new Date(notAfter).toISOString()}, in ${spanText(notAfter - now)}`;
  const text = `the certificate by which ${name} is parked runs out on ${when}; have it dial with a new one`;
  return [{ code: "certificate_expires", severity: "warning", text }];
}

function isPlain({ name }: ParkedFacts): boolean {
  return name === null;
}

/** Those of plain listeners all meet at one place. */
function meetAt({ name, channel }: ParkedFacts): string {
  return name === null ? "" : channel;
}

function rolesFit(a: ParkedFacts, b: ParkedFacts): boolean {
  return a.role === null || a.role !== b.role;
}
