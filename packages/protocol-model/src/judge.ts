/**
 * PROTOCOL.md section 6, steps 4 to 15, in its order: what a relay may say to a connection. More than one verdict where the
 * text leaves it open. Steps that depend on the clock, on load or on TLS itself are not here.
 */
import { type Asked, readFields } from "./fields.ts";
import { type Head, readHead } from "./head.ts";
import { readTarget, type Target } from "./target.ts";

export interface Caller {
  /** "verified", "missing", or the reason for which verification fails (6.1). */
  readonly certificate: string;
  readonly names: readonly string[];
  /** `sha256:…` of its key; the empty string if no end is pinned to it. */
  readonly key: string;
}

export interface Route {
  readonly between: readonly [string, string];
  /** Of each end that is pinned: its keys (4.3). */
  readonly pins?: Readonly<Record<string, readonly string[]>>;
}

export interface Rules {
  readonly routes: readonly Route[];
  /** Bytes of a request's head. */
  readonly headSize: number;
  /** Of a route listener: its route. */
  readonly listenersRoute?: Route;
}

export interface Admitted {
  readonly as: string;
  readonly peer: string;
  readonly channel: string;
  readonly transport: Asked["transport"];
  readonly role: Asked["role"];
  readonly wait: number | null;
}

/** A reason for which it is refused or dropped, or the terms on which it is admitted. */
export type Verdict = string | Admitted;

/** `sent`: all that comes inside TLS before the client's close_notify. */
export function judge(caller: Caller, sent: Uint8Array, rules: Rules): readonly Verdict[] {
  if (caller.certificate === "verified") {
    return caller.names.length === 0 ? ["certificate_without_name"] : judgeRequest(caller, sent, rules);
  }
  const pinned = caller.certificate === "certificate_unknown_issuer" && caller.key !== "";
  if (!pinned) return [caller.certificate];
  return judgeRequest(caller, sent, rules).flatMap((verdict) => forPinned(verdict, caller.certificate));
}

/** 6.2: whatever fails before step 14 is answered as step 5 would; the text does not say so of 14 and 15. */
function forPinned(verdict: Verdict, unknown: string): readonly Verdict[] {
  if (typeof verdict !== "string" || verdict === "client_gone") return [verdict]; // admitted, or not answered at all
  return verdict === "as_required" ? [verdict, unknown] : [unknown];
}

function judgeRequest(caller: Caller, sent: Uint8Array, rules: Rules): readonly Verdict[] {
  const { refusals, head } = readHead(sent, rules.headSize);
  return head === undefined ? [...refusals] : [...refusals, ...judgeHead(caller, head, rules)];
}

function judgeHead(caller: Caller, head: Head, rules: Rules): readonly Verdict[] {
  if (head.method !== "CONNECT") return ["method_not_allowed"];
  const content = head.fields.some(({ name }) => name === "content-length" || name === "transfer-encoding");
  if (content) return ["request_malformed"];
  const target = readTarget(head.target);
  if (target === null) return ["target_invalid"];
  const asked = readFields(head.fields);
  if (asked === null) return ["field_invalid"];
  return [judgeRoute(caller, target, asked, rules)];
}

/** Steps 12 to 15. */
function judgeRoute(caller: Caller, { peer, port }: Target, asked: Asked, rules: Rules): Verdict {
  if (asked.as !== null && !caller.names.includes(asked.as)) return "as_not_certified";
  const names = (asked.as === null ? caller.names : [asked.as]).filter((name) =>
    rules.routes.some((route) => joins(route, name, peer) && mayTake(caller, route, name)),
  );
  const [as] = names;
  if (as === undefined) return "no_route";
  if (names.length > 1) return "as_required";
  const { listenersRoute } = rules;
  if (listenersRoute !== undefined && !joins(listenersRoute, as, peer)) return "no_route";
  return { as, peer, channel: asked.channel ?? port, transport: asked.transport, role: asked.role, wait: asked.wait };
}

function joins({ between: [f1, f2] }: Route, name: string, peer: string): boolean {
  return (f1 === name && f2 === peer) || (f2 === name && f1 === peer);
}

/** 4.3 */
function mayTake(caller: Caller, route: Route, name: string): boolean {
  const pins = Object.hasOwn(route.pins ?? {}, name) ? route.pins?.[name] : undefined;
  return pins === undefined ? caller.certificate === "verified" : pins.includes(caller.key);
}
