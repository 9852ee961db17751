/** A local connection and the session that carries it, to the last byte; and what the log has of it. */
import type { Socket } from "node:net";
import { carry, type RelayConnection } from "@serverless-relay/client";
import { errorFields, type Logger } from "./log.ts";

/** Carries until both directions have ended, or one has broken, which breaks the other. Never rejects. */
export async function converse(local: Socket, connection: RelayConnection, log: Logger): Promise<void> {
  const { session, peer, socket } = connection;
  const began = performance.now();
  const fields = (): Readonly<Record<string, unknown>> => ({
    peer,
    session,
    seconds: Math.round((performance.now() - began) / 10) / 100,
    toPeer: local.bytesRead,
    fromPeer: local.bytesWritten,
  });
  log.debug({ peer, session }, "carrying");
  try {
    await carry(local, socket);
    log.info(fields(), "ended");
  } catch (error) {
    log.info({ ...fields(), ...errorFields(error) }, "broken off");
  }
}
