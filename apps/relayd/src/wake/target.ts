/**
 * Where a missing function may be invoked. Routes are added by whoever may use the control API; what relayd may be made to
 * request by that is the configuration's alone to say: `wake.allow` names each place, and nothing else is ever requested.
 */
/** An entry of `wake.allow`. */
export interface Allowed {
  readonly url: string;
  /** paths of what the target knows relayd by, and is known by */
  readonly token?: string | undefined;
  readonly signingKey?: string | undefined;
  readonly ca?: string | undefined;
}

/** Of a route: the URL by which each of its ends is invoked. */
export interface Hooks {
  readonly f1?: string | undefined;
  readonly f2?: string | undefined;
}

const LONGEST_URL = 2048;
/** Some servers take these for "/" and "\\", and would be led out of the directory that is allowed. */
const HIDDEN_SLASH = /%2f|%5c/i;

/** A URL as it is kept and compared; throws RangeError, "what is wrong; what to do". */
export function parseTarget(text: string): string {
  const shown = JSON.stringify(text.slice(0, 100));
  const url = URL.parse(text);
  if (url === null || !["https:", "http:"].includes(url.protocol)) {
    throw new RangeError(`${shown} is no URL of HTTP; write one such as https://f2.example/`);
  }
  if (text.length > LONGEST_URL) throw new RangeError(`has ${text.length} characters; ${LONGEST_URL} is the most`);
  if (url.username !== "" || url.password !== "") {
    throw new RangeError(
      "holds a password, which routes do not keep secret; name a file in wake.allow: { url, token }",
    );
  }
  if (url.hash !== "") throw new RangeError(`${shown} has a fragment, which is never sent; remove it`);
  return url.href;
}

/**
 * The entry of the list by which `target` is allowed. An entry that ends in "/" allows all that is beneath it; any other allows
 * itself alone. Scheme, host and port are the same, so that only an entry of http allows http.
 */
export function allowing(target: string, allow: readonly Allowed[]): Allowed | null {
  return allow.find(({ url }) => covers(url, target)) ?? null;
}

function covers(allowed: string, target: string): boolean {
  if (allowed === target) return true;
  return allowed.endsWith("/") && target.startsWith(allowed) && !HIDDEN_SLASH.test(new URL(target).pathname);
}

/** Why this target is not requested: "what is wrong; what to do". */
export function notAllowed(target: string): string {
  return `${target} is not allowed by wake.allow; name it, or ${new URL("/", target).href}, in the configuration`;
}
