import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { EVENT_KINDS, eventSchema } from "@serverless-relay/control-api";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { DaemonEvent } from "../daemon-event.ts";
import { begin, FakeTarget, recordingLog, TIME } from "./control.test-support.ts";
import { type ControlServer, openControlServer } from "./server.ts";

let directory: string;
let target: FakeTarget;
let server: ControlServer;
let streams: IncomingMessage[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-events-"));
  target = new FakeTarget();
  streams = [];
  server = await openControlServer(join(directory, "relayd.sock"), target, recordingLog().log);
});
afterEach(async () => {
  for (const stream of streams) stream.destroy();
  await server.close();
  await rm(directory, { recursive: true });
});

async function follow(): Promise<IncomingMessage> {
  const stream = await begin(join(directory, "relayd.sock"), "GET", "/v1/events");
  streams.push(stream);
  return stream;
}

it("the kinds of events that clients know are those that there are", () => {
  const kinds: Record<DaemonEvent["event"], true> = {
    admitted: true,
    refused: true,
    dropped: true,
    departed: true,
    paired: true,
    ended: true,
    wake: true,
    woken: true,
  };
  expect([...EVENT_KINDS].sort()).toEqual(Object.keys(kinds).sort());
});

it("every event from then on is one line of JSON, for every reader", async () => {
  const readers = [await follow(), await follow()];
  expect(readers[0]?.headers["content-type"]).toBe("application/x-ndjson");
  for (const n of [1, 2, 3]) target.emit({ time: TIME, event: "admitted", n, text: "line\nfeed" });
  for (const reader of readers) {
    const got: unknown[] = [];
    for await (const line of createInterface(reader)) {
      got.push(eventSchema.parse(JSON.parse(line)));
      if (got.length === 3) break;
    }
    expect(got).toEqual([1, 2, 3].map((n) => ({ time: TIME, event: "admitted", n, text: "line\nfeed" })));
  }
});

it("a reader that goes away is forgotten", async () => {
  const stream = await follow();
  expect(target.subscribers.size).toBe(1);
  stream.destroy();
  await vi.waitFor(() => expect(target.subscribers.size).toBe(0));
  target.emit({ time: TIME, event: "admitted" });
});

it("a burst that a reader could not have taken yet does not cost it the stream", async () => {
  const stream = await follow();
  const filler = "x".repeat(300);
  for (let n = 0; n < 5000; n += 1) target.emit({ time: TIME, event: "refused", n, filler });
  let seen = 0;
  for await (const line of createInterface(stream)) {
    expect(JSON.parse(line)).toMatchObject({ event: "refused", n: seen });
    seen += 1;
    if (seen === 5000) break;
  }
});

it("a reader that does not read is let go at a bound, and told that events are missing", async () => {
  const stream = await follow();
  const filler = "x".repeat(64 * 1024);
  let sent = 0;
  for (; sent < 1000; sent += 1) target.emit({ time: TIME, event: "refused", n: sent, filler });
  const got: { event: string; message?: string }[] = [];
  for await (const line of createInterface(stream)) got.push(JSON.parse(line));
  expect(got.at(-1)).toMatchObject({ event: "stream_ended", message: expect.stringMatching(/some are missing/) });
  expect(got.length).toBeLessThan(100);
});

it("a reader that does not read even the last line is cut off", async () => {
  const stream = await follow();
  stream.once("error", () => {}); // it is broken off
  const closed = new Promise((resolve) => stream.once("close", resolve));
  const filler = "x".repeat(64 * 1024);
  for (let n = 0; n < 1000; n += 1) target.emit({ time: TIME, event: "refused", n, filler });
  await vi.waitFor(() => expect(target.subscribers.size).toBe(0), { timeout: 4_000 });
  stream.resume();
  await closed;
  expect(stream.complete).toBe(false);
});
