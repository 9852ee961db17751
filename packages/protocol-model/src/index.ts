/**
 * A second implementation of the protocol's rules, written from PROTOCOL.md and the RFCs that it names, without a look at the
 * relay's own. It imports nothing of ours: where the two differ, one of them, or the text, is wrong.
 */
export { chainPlans, soundIssuer } from "./chains/chains.ts";
export type { ChainPlan } from "./chains/flaws.ts";
export { judgeAsking } from "./chains/judge-asking.ts";
export type { DescribedCertificate } from "./chains/judge-chain.ts";
export { type Admitted, type Caller, judge, type Route, type Rules, type Verdict } from "./judge.ts";
export { type CertifiedNames, namesOf } from "./names.ts";
export { CORPUS } from "./requests/corpus.ts";
export { requests } from "./requests/requests.ts";
