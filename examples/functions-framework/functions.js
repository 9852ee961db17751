/**
 * Two HTTP functions, each of which accepts no connection but its invocation's. When both are invoked they meet at the
 * relay: f1 sends what it has, and f2 answers with its digest.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { http } from "@google-cloud/functions-framework";
import { connect } from "@serverless-relay/client";

/** whether this instance of the function has not been invoked yet */
let cold = true;

http("f1", async (request, response) => {
  const bytes = randomBytes(Number(request.query.bytes ?? 1_000_000));
  const { socket, ...met } = await meet();
  socket.end(bytes); // this direction has ended; the answer still comes
  const answer = await text(socket);
  const expected = createHash("sha256").update(bytes).digest("hex");
  response.status(answer === expected ? 200 : 502).json({ ...met, sent: bytes.length, answer });
});

http("f2", async (request, response) => {
  // A relay that wakes it says on which channel somebody waits (docs/wake.md).
  const { socket, ...met } = await meet(request.body?.channel);
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk);
    received += chunk.length;
  }
  socket.end(hash.digest("hex"));
  response.json({ ...met, received });
});

/** The peer, as RELAY, RELAY_PEER and FUNCTION_... say it, and what it cost to get there. */
async function meet(channel) {
  const asked = performance.now();
  const coldStart = cold;
  cold = false;
  const { RELAY, RELAY_PEER, FUNCTION_CERT, FUNCTION_KEY, FUNCTION_CA } = process.env;
  const identity = {
    cert: readFileSync(FUNCTION_CERT),
    key: readFileSync(FUNCTION_KEY),
    ca: readFileSync(FUNCTION_CA),
  };
  const whom = { relay: RELAY, peer: RELAY_PEER, channel };
  const { socket, peer, session } = await connect({ ...whom, identity, allowHalfOpen: true });
  return { socket, peer, session, coldStart, metAfterMs: Math.round(performance.now() - asked) };
}
