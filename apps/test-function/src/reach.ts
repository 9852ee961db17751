/** The ways to the peer: through the relay, through a plain listener with TLS of our own, or in the clear. */

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { certificateNames, connect, type RelayAddress, secure } from "@serverless-relay/client";
import type { Print } from "./conversation.ts";
import { MODES, type PlainTask, type Task, type TlsTask } from "./environment.ts";

const DEFAULT_WAIT = 60;
const HANDSHAKE_MS = 30_000;

/** A connection that may be talked on: the peer behind it is verified, if the mode has TLS. */
export async function reachPeer(task: Task, print: Print, signal: AbortSignal): Promise<Socket> {
  if (task.mode === null) return dialPlain(task, "", print, signal);
  const { way } = MODES[task.mode];
  const socket = way === "relay" ? await viaRelay(task, print, signal) : await viaPlainListener(task, print, signal);
  printVerified(socket, task.peer, print);
  return socket;
}

async function viaRelay(task: TlsTask, print: Print, signal: AbortSignal): Promise<TLSSocket> {
  const { target, peer, identity, channel, transport, wait } = task;
  print(`dialling ${format(target)} for ${peer}`);
  const { role } = MODES[task.mode];
  const asked = { relay: target, peer, identity, role, channel, transport, wait };
  const connection = await connect({ ...asked, signal, allowHalfOpen: true });
  const outer = connection.transport === "raw" ? "outer TLS taken off" : "session stays inside the outer TLS";
  print(`paired with ${peer}, session ${connection.session}, role ${connection.role}, ${outer}`);
  return connection.socket;
}

async function viaPlainListener(task: TlsTask, print: Print, signal: AbortSignal): Promise<TLSSocket> {
  const { peer, identity, wait = DEFAULT_WAIT } = task;
  const { role } = MODES[task.mode];
  const socket = await dialPlain(task, ` for ${peer}`, print, signal);
  return secure(socket, { role, peer, identity, signal, timeout: wait * 1000 + HANDSHAKE_MS, allowHalfOpen: true });
}

async function dialPlain(task: PlainTask | TlsTask, why: string, print: Print, signal: AbortSignal): Promise<Socket> {
  print(`dialling ${format(task.target)}${why}`);
  const socket = connectTcp({ ...task.target, noDelay: true, allowHalfOpen: true });
  try {
    await once(socket, "connect", { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  print(`connected to ${format(task.target)}`);
  return socket;
}

function printVerified(socket: Socket, peer: string, print: Print): void {
  const tls = socket as TLSSocket;
  const certificate = new X509Certificate(tls.getPeerCertificate().raw);
  const names = certificateNames(certificate).join(" ");
  print(`verified ${peer} (${names}, ${tls.getProtocol()}, ${certificate.fingerprint256})`);
}

function format({ host, port }: RelayAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
