/**
 * Two Lambda functions. When both are invoked they meet at the relay: f1 sends what it has, and f2 answers with its
 * digest.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { connect } from "@serverless-relay/client";

/** whether this instance of the function has not been invoked yet */
let cold = true;

export async function f1(event, context) {
  const bytes = randomBytes(Number(event.queryStringParameters?.bytes ?? 1_000_000));
  const { socket, ...met } = await meet(context);
  socket.end(bytes); // this direction has ended; the answer still comes
  const answer = await text(socket);
  const expected = createHash("sha256").update(bytes).digest("hex");
  return { statusCode: answer === expected ? 200 : 502, body: JSON.stringify({ ...met, sent: bytes.length, answer }) };
}

export async function f2(_event, context) {
  const { socket, ...met } = await meet(context);
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk);
    received += chunk.length;
  }
  socket.end(hash.digest("hex"));
  return { statusCode: 200, body: JSON.stringify({ ...met, received }) };
}

/** The peer, as RELAY, RELAY_PEER and FUNCTION_... say it, and what it cost to get there. */
async function meet(context) {
  const asked = performance.now();
  const coldStart = cold;
  cold = false;
  const { RELAY, RELAY_PEER, FUNCTION_CERT, FUNCTION_KEY, FUNCTION_CA } = process.env;
  const { socket, peer, session } = await connect({
    relay: RELAY,
    peer: RELAY_PEER,
    identity: {
      cert: readFileSync(FUNCTION_CERT),
      key: readFileSync(FUNCTION_KEY),
      ca: readFileSync(FUNCTION_CA),
    },
    timeout: context.getRemainingTimeInMillis() - 1_000, // time to say that nobody came
    allowHalfOpen: true,
  });
  return { socket, peer, session, coldStart, metAfterMs: Math.round(performance.now() - asked) };
}
