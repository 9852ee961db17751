/** What may become of somebody who asks with a chain of certificates: the judgement of the chain, and then that of the request. */
import { judge, type Rules, type Verdict } from "../judge.ts";
import { namesOf } from "../names.ts";
import type { ChainPlan } from "./flaws.ts";
import { bearsNames, failuresOf } from "./judge-chain.ts";

export interface Circumstances {
  readonly rules: Rules;
  /** the key of those whose plan says `pinned`: "sha256:" and hexadecimal digits */
  readonly pin: string;
  /** milliseconds since the epoch */
  readonly now: number;
}

/** `sent`: all that comes inside TLS. */
export function judgeAsking(plan: ChainPlan, sent: Uint8Array, { rules, pin, now }: Circumstances): readonly Verdict[] {
  const failures = failuresOf(plan, now);
  const [only = "verified"] = failures;
  if (failures.length > 1) return failures;
  const names = bearsNames(plan) ? namesOf(plan.certificates[0]?.names ?? { san: null, commonNames: [] }) : [];
  const verdicts = judge({ certificate: only, names, key: plan.pinned ? pin : "" }, sent, rules);
  // 6.1: which of two issuers of the same name and key is looked at is up to the TLS library, and so is whether constraints
  // bind a common name.
  if (only === "verified" && !bearsNames(plan)) return [...verdicts, "certificate_invalid"];
  return plan.crossed === "foreign first" ? [...verdicts, "certificate_unknown_issuer"] : verdicts;
}
