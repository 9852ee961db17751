/**
 * The last phase: mTLS with the peer itself, end to end, and the proof that it is the peer. Both sides verify the same
 * three things before a byte is given out: the certificate's chain, that it bears exactly the expected name, and that it
 * may be a function's at all, which a relay's may not.
 */
import type { X509Certificate } from "node:crypto";
import type { CommonConnectionOptions, SecureContextOptions, TLSSocket } from "node:tls";
import { certificateNames, constrainsNames, type Role } from "@serverless-relay/protocol";
import { crypto, net, tls } from "./builtins.ts";
import { endInOrder } from "./end-in-order.ts";
import { ConnectionTruncated, HandshakeTruncated, PeerNotVerified, WrongPeer } from "./errors.ts";
import type { Identity } from "./identity.ts";
import { isNetworkError, messageOf } from "./node-error.ts";
import type { Underlay } from "./underlay.ts";

export interface InnerOptions {
  readonly role: Role;
  readonly peer: string;
  readonly identity: Identity;
  readonly allowHalfOpen: boolean;
  readonly alpn: readonly string[];
}

/** Extended key usage "TLS client" (RFC 5280 §4.2.1.12): every function has it, no relay does. */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const DNS_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

/** Throws PeerNotVerified or WrongPeer, or HandshakeTruncated if the connection ended too early to tell; `underlay` is closed then. */
export async function openInner(underlay: Underlay, options: InnerOptions): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const onSecure = (inner: TLSSocket): void => {
    underlay.watch(inner);
    inner.on("error", reject); // by now it can only be the connection's
    resolve(inner);
  };
  try {
    if (options.role === "client") startAsClient(underlay, options, onSecure, reject);
    else startAsServer(underlay, options, onSecure, reject);
    const inner = await promise;
    verify(inner, options.peer);
    inner.off("error", reject);
    inner.allowHalfOpen = options.allowHalfOpen;
    endInOrder(inner);
    underlay.handOver();
    return inner;
  } catch (error) {
    const why = translate(underlay.errored ?? error, options.peer);
    underlay.destroy();
    throw why;
  }
}

function startAsClient(
  underlay: Underlay,
  { peer, identity, alpn }: InnerOptions,
  onSecure: (inner: TLSSocket) => void,
  onError: (error: Error) => void,
): void {
  const inner = tls().connect({
    ...terms(identity, alpn),
    socket: underlay,
    ...(isDnsName(peer) ? { servername: peer } : {}),
    rejectUnauthorized: true, // said aloud, so that the environment cannot turn it off
    checkServerIdentity: () => undefined, // a wildcard would pass there: `verify` compares exactly
  });
  const onClose = (): void => onError(new HandshakeTruncated("the connection was closed"));
  inner.on("error", onError).once("close", onClose);
  inner.once("secureConnect", () => {
    inner.off("error", onError).off("close", onClose);
    onSecure(inner);
  });
}

function startAsServer(
  underlay: Underlay,
  { identity, alpn }: InnerOptions,
  onSecure: (inner: TLSSocket) => void,
  onError: (error: Error) => void,
): void {
  // With rejectUnauthorized Node would close without a word; `verify` refuses, and says why.
  const server = tls().createServer({ ...terms(identity, alpn), requestCert: true, rejectUnauthorized: false });
  server.once("secureConnection", onSecure);
  server.once("tlsClientError", onError); // emitted as well when the connection is merely closed
  server.emit("connection", underlay);
}

function terms({ cert, key, ca }: Identity, alpn: readonly string[]): SecureContextOptions & CommonConnectionOptions {
  // A resumed session would be authorized by what was true of a certificate earlier.
  const secureOptions = crypto().constants.SSL_OP_NO_TICKET;
  const versions = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const;
  return { cert, key, ca, ...versions, secureOptions, ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}) };
}

/** The proof. Runs on both sides, before anybody else holds the socket. */
function verify(inner: TLSSocket, peer: string): void {
  // getPeerX509Certificate would, on the client's side, take the certificate out of the chain: the next call gave undefined.
  const { raw } = inner.getPeerCertificate();
  if (raw === undefined) throw new PeerNotVerified(peer, "the other end sent no certificate");
  const certificate = new (crypto().X509Certificate)(raw);
  // Declared as an Error, it is in fact the name of OpenSSL's verdict.
  if (!inner.authorized) {
    throw new PeerNotVerified(peer, `its certificate did not verify: ${String(inner.authorizationError)}`);
  }
  if (!mayBeFunction(certificate)) {
    throw new PeerNotVerified(
      peer,
      "the other end's certificate is not for TLS clients: it is a server's, or a relay's",
    );
  }
  const names = hasUnboundName(inner, certificate) ? [] : certificateNames(certificate);
  if (!names.includes(peer)) throw new WrongPeer(peer, names);
}

/** `keyUsage` is Node's word for the extended key usages; a certificate without any may be used for everything. */
function mayBeFunction(certificate: X509Certificate): boolean {
  const usages: readonly string[] | undefined = certificate.keyUsage;
  return usages === undefined || usages.includes(CLIENT_AUTH);
}

/** Its name is a common name, which the name constraints of a CA would have to bound, and do not (PROTOCOL.md, 4.2). */
function hasUnboundName(inner: TLSSocket, certificate: X509Certificate): boolean {
  if (certificate.subjectAltName !== undefined) return false;
  let link = inner.getPeerCertificate(true);
  while (link.issuerCertificate !== undefined && link.issuerCertificate !== link) {
    link = link.issuerCertificate;
    if (constrainsNames(link)) return true;
  }
  return false;
}

/** Whether the name may be sent as SNI (RFC 6066 §3). It decides nothing: the certificate does. */
function isDnsName(name: string): boolean {
  return DNS_NAME.test(name) && net().isIP(name) === 0;
}

function translate(error: unknown, peer: string): Error {
  if (error instanceof PeerNotVerified) return error;
  if (error instanceof ConnectionTruncated || isNetworkError(error)) {
    return new HandshakeTruncated(`the connection ended before ${peer} was verified`, error);
  }
  return new PeerNotVerified(peer, messageOf(error), error);
}
