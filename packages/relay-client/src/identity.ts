/** Who a function is: its certificate and key, and the CA that it accepts peers from. */
import type { SecureContext } from "node:tls";
import { crypto, tls } from "./builtins.ts";

/** PEM, each a text or the bytes of a file. */
export interface Identity {
  /** the function's certificate, followed by intermediate ones if there are any */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** the CAs that peers' certificates are issued by */
  readonly ca: string | Buffer;
}

const checked = new WeakSet<Identity>();

/** Throws a TypeError that names the part which is no use. OpenSSL's own words would be "no start line". */
export function checkIdentity(identity: Identity): void {
  if (checked.has(identity)) return;
  const { X509Certificate } = crypto();
  attempt("identity.cert", "a certificate in PEM", () => new X509Certificate(identity.cert));
  attempt("identity.key", "an unencrypted private key in PEM that belongs to identity.cert", () =>
    tls().createSecureContext({ cert: identity.cert, key: identity.key }),
  );
  checkAuthorities("identity.ca", identity.ca);
  checked.add(identity);
}

interface OuterContext {
  readonly parts: readonly (string | Buffer)[];
  readonly context: SecureContext;
}

const outerContexts = new WeakMap<Identity, OuterContext>();

/**
 * For the outer TLS. Kept for the next connection with the same identity: reading PEM costs as much as the handshake itself.
 *
 * @param ecdhCurve the key exchange, if it is not to be what Node offers: names as node:tls has them
 */
export function outerContextOf(identity: Identity, relayCa: string | Buffer, ecdhCurve?: string): SecureContext {
  const parts = [identity.cert, identity.key, relayCa, ecdhCurve ?? ""];
  const known = outerContexts.get(identity);
  if (known?.parts.every((part, index) => part === parts[index])) return known.context;
  const { cert, key } = identity;
  const versions = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const;
  const context = tls().createSecureContext({
    cert,
    key,
    ca: relayCa,
    ...(ecdhCurve !== undefined && { ecdhCurve }),
    ...versions,
  });
  outerContexts.set(identity, { parts, context });
  return context;
}

export function checkAuthorities(option: string, ca: string | Buffer): void {
  attempt(option, "one or more CA certificates in PEM", () => new (crypto().X509Certificate)(ca));
}

function attempt(option: string, expected: string, parse: () => unknown): void {
  try {
    parse();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`${option} must be ${expected}: ${why}`, { cause });
  }
}
