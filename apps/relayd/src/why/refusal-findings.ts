/** What the recent refusals of the two tell. */
import type { Finding } from "@serverless-relay/control-api";
import { isRefusalReason, REFUSALS, type RefusalReason } from "@serverless-relay/protocol";
import { spanText, type WhyFacts } from "./facts.ts";
import type { RecentRefusal } from "./recent-refusals.ts";

/** What is older says nothing of just now. */
const RECENT_MS = 15 * 60_000;

/** Nobody vouches for the name then, so that whoever likes to can cause such a refusal. */
const CLAIMED: ReadonlySet<string> = new Set<RefusalReason>([
  "certificate_unknown_issuer",
  "certificate_invalid",
  "certificate_not_checkable",
]);
/** They were admitted, and say nothing that the state of the relay would not say better. */
const OVER: ReadonlySet<string> = new Set<RefusalReason>(["peer_timeout", "peer_vanished", "draining", "full"]);
/** Statuses that the same request will get again. */
const LASTING: ReadonlySet<number> = new Set([400, 403, 405, 431]);

/** The latest one of each function. */
export function refusalFindings(facts: WhyFacts): Finding[] {
  const recent = facts.refusals.filter(({ at }) => facts.now - at < RECENT_MS);
  const latest = new Map(recent.toReversed().map((it) => [it.name, it]));
  return [...latest.values()].flatMap((refusal) => findingOf(facts, refusal) ?? []);
}

function findingOf({ route, now }: WhyFacts, refusal: RecentRefusal): Finding | null {
  const { name, at, address, reason, detail } = refusal;
  if (reason === "no_route" && (route === null || (route.createdAt !== null && at < route.createdAt))) return null;
  const who = CLAIMED.has(reason) ? `somebody whose certificate says ${name}` : name;
  const was = isRefusalReason(reason) ? "refused" : "dropped";
  const said = `${who} was ${was} ${spanText(now - at)} ago, from ${address}: ${reason}${detail === null ? "" : ` (${detail})`}`;
  return { code: "refused", severity: severityOf(reason), text: `${said}${adviceOn(reason)}` };
}

function severityOf(reason: RecentRefusal["reason"]): Finding["severity"] {
  if (OVER.has(reason)) return "info";
  if (CLAIMED.has(reason) || !isRefusalReason(reason)) return "warning";
  return LASTING.has(REFUSALS[reason].status) ? "error" : "warning";
}

function adviceOn(reason: RecentRefusal["reason"]): string {
  if (reason === "no_route") return "; it may have come by another route's listener, or with a key that is not pinned";
  return isRefusalReason(reason) ? `; ${REFUSALS[reason].advice}` : "";
}
