/**
 * A list of any length as an answer: {"NAME": [...]}, or one item a line for whoever accepts NDJSON. Promises: it is made as it
 * is read, piece by piece, so that neither memory nor the event loop notices how long it is; a reader that does not read is
 * let go.
 */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";

const NDJSON = "application/x-ndjson";

/** Made in one turn of the event loop: a fraction of a millisecond's work. */
const PIECE_CHARACTERS = 16 * 1024;
/** Without a byte read. Long enough for somebody who pages through it. */
const STALLED_MS = 300_000;

/** `items` is gone through lazily; `accept` is the request's header. */
export function streamList(
  response: ServerResponse,
  name: string,
  items: Iterable<unknown>,
  accept: string | undefined,
): void {
  const asLines = accept?.split(",").some((type) => type.trim().startsWith(NDJSON)) === true;
  response.writeHead(200, {
    "content-type": asLines ? NDJSON : "application/json; charset=utf-8",
    "cache-control": "no-store",
    vary: "accept",
  });
  response.setTimeout(STALLED_MS, () => response.destroy());
  const texts = asLines ? lines(items) : document(name, items);
  // A reader that goes away, or an item that cannot be made, ends the answer short of its end: HTTP's own sign for that.
  pipeline(Readable.from(pieces(texts), { objectMode: false }), response).catch(() => response.destroy());
}

function* lines(items: Iterable<unknown>): Generator<string, void, undefined> {
  for (const item of items) yield `${JSON.stringify(item)}\n`;
}

function* document(name: string, items: Iterable<unknown>): Generator<string, void, undefined> {
  yield `{${JSON.stringify(name)}:[`;
  let separator = "";
  for (const item of items) {
    yield `${separator}${JSON.stringify(item)}`;
    separator = ",";
  }
  yield "]}";
}

async function* pieces(texts: Iterable<string>): AsyncGenerator<string, void, undefined> {
  let piece = "";
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = "";
    await nextTurn(); // others have their turn, however fast this is read
  }
  if (piece !== "") yield piece;
}
