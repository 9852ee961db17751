import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Change } from "../audit/audit-log.ts";
import { ask, FakeTarget, recordingLog, type Sent } from "./control.test-support.ts";
import { type ControlServer, openControlServer } from "./server.ts";

let directory: string;
let socket: string;
let changes: Change[];
let server: ControlServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-changes-"));
  socket = join(directory, "relayd.sock");
  changes = [];
  const recordChange = (change: Change) => void changes.push(change);
  server = await openControlServer(socket, new FakeTarget(), recordingLog().log, { recordChange });
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

async function recorded(method: string, path: string, sent?: Sent): Promise<Change | undefined> {
  const before = changes.length;
  await ask(socket, method, path, sent);
  await expect.poll(() => changes.length).toBe(before + 1);
  return changes.at(-1);
}

const self = { uid: process.getuid?.(), gid: process.getgid?.(), pid: process.pid };

it("a change is recorded with what was asked, by whom, and what it was answered", async () => {
  const body = { f1: "f1", f2: "f2" };
  expect(await recorded("POST", "/v1/routes", { body })).toEqual({
    change: "addRoute",
    caller: self,
    asked: body,
    status: 201,
    error: null,
  });
  expect(await recorded("DELETE", "/v1/routes/f1/f2?kill=true")).toEqual({
    change: "deleteRoute",
    caller: self,
    asked: { f1: "f1", f2: "f2", kill: true },
    status: 200,
    error: null,
  });
});

it("and so is one that was refused", async () => {
  expect(await recorded("DELETE", "/v1/sessions/nobody")).toEqual({
    change: "killSession",
    caller: self,
    asked: { id: "nobody" },
    status: 404,
    error: "session_not_found",
  });
  const malformed = await recorded("POST", "/v1/routes", { body: { f1: "f1", garbage: "x".repeat(1000) } });
  expect(malformed).toMatchObject({ change: "addRoute", asked: null, status: 400, error: "invalid_request" });
});

it("who only looks is not recorded, nor is what there is not", async () => {
  await ask(socket, "GET", "/v1/routes");
  await ask(socket, "POST", "/v1/nothing");
  await recorded("DELETE", "/v1/sessions/nobody");
  expect(changes).toHaveLength(1);
});
