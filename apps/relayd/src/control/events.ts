/**
 * GET /v1/events: what happens, one JSON object a line, for as long as the client listens. Promises: an event never waits
 * for a reader; what is held for one that is slow is bounded, and it is then told so and let go; a reader that is gone is
 * forgotten at once.
 */
import type { ServerResponse } from "node:http";
import { type ControlEvent, eventSchema, STREAM_ENDED } from "@serverless-relay/control-api";
import type { ControlApp } from "./app.ts";
import { errorAnswers } from "./errors.ts";
import type { ControlTarget } from "./target.ts";

/** Held for a reader. A burst must fit that no reader can take at once: a deleted route refuses thousands in one go. */
const HELD_BYTES = 4 * 1024 * 1024;
/** For the last line to be read. */
const FAREWELL_MS = 2_000;

export function serveEvents(app: ControlApp, target: ControlTarget): void {
  const streams = new Set<EventStream>();
  // Else the server would wait for them before it is closed.
  app.addHook("preClose", async () => {
    for (const stream of streams) stream.end("relayd is stopping");
  });

  const schema = {
    operationId: "followEvents",
    summary: "What happens, as it happens",
    response: {
      200: { description: "one event a line", content: { "application/x-ndjson": { schema: eventSchema } } },
      ...errorAnswers(),
    },
  };
  app.get("/v1/events", { schema }, (_request, reply) => {
    reply.hijack();
    const stream = new EventStream(reply.raw);
    const unsubscribe = target.subscribe((event) => stream.write(event));
    streams.add(stream);
    reply.raw.once("close", () => {
      unsubscribe();
      streams.delete(stream);
    });
  });
}

class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    // Written now rather than with the first event, so that the client knows that it has missed nothing since.
    response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" }).flushHeaders();
    response.on("error", () => response.destroy());
  }

  write(event: ControlEvent): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    this.#response.write(`${JSON.stringify(event)}\n`);
    if (this.#response.writableLength > HELD_BYTES) {
      this.end("events are not read as fast as they happen; some are missing from here on");
    }
  }

  /** Says why in the last line, and waits a little for it to be read. */
  end(message: string): void {
    if (this.#response.writableEnded) return;
    this.#response.end(`${JSON.stringify({ time: new Date().toISOString(), event: STREAM_ENDED, message })}\n`);
    const farewell = setTimeout(() => this.#response.destroy(), FAREWELL_MS);
    this.#response.once("close", () => clearTimeout(farewell));
  }
}
