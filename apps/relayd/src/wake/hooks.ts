/** The hooks of routes: asked for at the control API, kept with the route, compared and found by name. */
import { ControlFailure } from "../control/failure.ts";
import { type Allowed, allowing, type Hooks, notAllowed, parseTarget } from "./target.ts";

interface Hooked {
  readonly f1: string;
  readonly f2: string;
  readonly wake?: Hooks | undefined;
}

/** As they are kept. Throws ControlFailure if one is no URL, or is not allowed. */
export function checkedHooks(asked: Hooks | undefined, allow: readonly Allowed[]): Hooks | undefined {
  if (asked === undefined) return undefined;
  const checked = (end: "f1" | "f2") => {
    const text = asked[end];
    return text === undefined ? {} : { [end]: checkedTarget(end, text, allow) };
  };
  return { ...checked("f1"), ...checked("f2") };
}

function checkedTarget(end: string, text: string, allow: readonly Allowed[]): string {
  const target = parse(end, text);
  if (allowing(target, allow) === null) throw new ControlFailure("wake_not_allowed", notAllowed(target));
  return target;
}

function parse(end: string, text: string): string {
  try {
    return parseTarget(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ControlFailure("invalid_request", `the body's field wake.${end}: ${error.message}`);
  }
}

/** By what the function `name` is invoked when the other of the route waits for it. */
export function hookOf({ f1, wake }: Hooked, name: string): string | undefined {
  if (wake === undefined) return undefined;
  return name === f1 ? wake.f1 : wake.f2;
}

export function sameHooks(one: Hooked, other: Hooked): boolean {
  return [one.f1, one.f2].every((name) => hookOf(one, name) === hookOf(other, name));
}

export function viewHooks(wake: Hooks | undefined): { f1?: string; f2?: string } | null {
  const { f1, f2 } = wake ?? {};
  if (f1 === undefined && f2 === undefined) return null;
  return { ...(f1 !== undefined && { f1 }), ...(f2 !== undefined && { f2 }) };
}
