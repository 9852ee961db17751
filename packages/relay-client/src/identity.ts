/** Who a function is: its certificate and key, and the CA that it accepts peers from. */
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
