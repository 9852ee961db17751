/** Why two functions do, or do not, meet just now: what is found is collected, and sorted by what it means. */
import type { Finding, Why } from "@serverless-relay/control-api";
import type { WhyFacts } from "./facts.ts";
import { parkedFindings } from "./parked-findings.ts";
import { refusalFindings } from "./refusal-findings.ts";
import { relayFindings, routeFindings } from "./relay-findings.ts";
import { wakeFindings } from "./wake-findings.ts";

const ORDER: readonly Finding["severity"][] = ["error", "warning", "info"];

export function explain(facts: WhyFacts): Why {
  const { f1, f2, channel } = facts;
  const findings = [
    ...relayFindings(facts),
    ...routeFindings(facts),
    ...(facts.route === null ? [] : [...parkedFindings(facts), ...wakeFindings(facts)]),
    ...refusalFindings(facts),
  ].toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  return { f1, f2, channel, canMeet: findings.every(({ severity }) => severity !== "error"), findings };
}
