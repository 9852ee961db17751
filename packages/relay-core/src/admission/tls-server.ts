/** TLS as the relay serves it: 1.3 only, certificates asked for but judged later, nothing resumed. */
import { constants, type X509Certificate } from "node:crypto";
import { createServer, type SecureContextOptions, type Server } from "node:tls";

/** PEM texts, and who has been revoked. */
export interface Credentials {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** the CAs that functions' certificates are issued by */
  readonly ca: string | Buffer;
  /** a list holds several; node:tls reads only the first CRL of a text */
  readonly crl?: string | readonly string[];
  /**
   * Whether `crl` says that this certificate is revoked. It is asked of those that were admitted before: node:crypto reads no
   * CRL. Default: none is.
   */
  readonly isRevoked?: (certificate: X509Certificate) => boolean;
}

export function createTlsServer(credentials: Credentials): Server {
  return createServer({
    ...secureContext(credentials),
    requestCert: true,
    // A refusal in the handshake would be a silent reset in TLS 1.3; certificate.ts refuses with a reason instead.
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
    // Admission has a deadline of its own, which may be changed; this one is the longest that a timer can wait.
    handshakeTimeout: 2 ** 31 - 1,
  });
}

/** For `Server.setSecureContext`, too: it replaces everything at once. */
export function secureContext(credentials: Credentials): SecureContextOptions {
  return {
    cert: credentials.cert,
    key: credentials.key,
    ca: credentials.ca,
    ...(credentials.crl === undefined ? {} : { crl: [credentials.crl].flat() }),
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    // No stateless tickets, and no session cache is kept: a resumed session would count as authorized even if its
    // certificate had been revoked since.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}
