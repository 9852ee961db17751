import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLmdbRouteStore } from "./lmdb-route-store.ts";
import { describeRouteStore } from "./route-store.suite.ts";
import { StoreError } from "./route-store.ts";

const CREATED = "2026-11-23T06:00:00.000Z";

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-store-"));
  file = join(directory, "routes.mdb");
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describeRouteStore("LMDB", () => openLmdbRouteStore(directory));

async function fill(routes: number): Promise<void> {
  const store = await openLmdbRouteStore(directory);
  const puts = Array.from({ length: routes }, (_, n) => store.put({ f1: "f", f2: `f${n}`, createdAt: CREATED }));
  await Promise.all(puts);
  await store.close();
}

async function openAndClose(): Promise<number> {
  const store = await openLmdbRouteStore(directory);
  const { length } = [...store.all()];
  await store.close();
  return length;
}

describe("the LMDB route store", () => {
  it("makes its directory, for its owner alone, and whatever is missing above it", async () => {
    const nested = join(directory, "var", "state");
    await (await openLmdbRouteStore(nested)).close();
    expect((await stat(nested)).mode & 0o777).toBe(0o700);
  });

  it("finds everything again when it is opened again", async () => {
    const store = await openLmdbRouteStore(directory);
    await store.put({ f1: "b", f2: "a", createdAt: CREATED, protocol: "bare", port: 7 });
    await store.keepPort("c", "d", 20_000);
    await store.close();
    const again = await openLmdbRouteStore(directory);
    expect([...again.all()]).toEqual([{ f1: "b", f2: "a", createdAt: CREATED, protocol: "bare", port: 7 }]);
    expect(again.portOf("d", "c")).toBe(20_000);
    await again.close();
  });

  it("writes what is on its way before it closes", async () => {
    const store = await openLmdbRouteStore(directory);
    const puts = ["a", "b", "c"].map((f1) => store.put({ f1, f2: "f", createdAt: CREATED }));
    await store.close();
    await Promise.all(puts);
    await expect(openAndClose()).resolves.toBe(3);
  });

  it("refuses to be used once closed, instead of ending the process", async () => {
    const store = await openLmdbRouteStore(directory);
    await store.close();
    expect(() => [...store.all()]).toThrow(StoreError);
    await expect(store.put({ f1: "a", f2: "b", createdAt: CREATED })).rejects.toThrow("is closed");
  });

  it("takes over the store of an older relayd, which will not open it any more", async () => {
    await fill(2);
    const root = open({ path: file, noSubdir: true, encoding: "json" });
    await root.put("relayd-schema", 1);
    await root.close();
    await expect(openAndClose()).resolves.toBe(2);
    const again = open({ path: file, noSubdir: true, encoding: "json" });
    expect(again.get("relayd-schema")).toBe(2);
    await again.close();
  });

  it("still has what was acknowledged when kill -9 came right after", async () => {
    const module = new URL("./lmdb-route-store.ts", import.meta.url).href;
    const program = `
      const { openLmdbRouteStore } = await import(${JSON.stringify(module)});
      const store = await openLmdbRouteStore(${JSON.stringify(directory)});
      await store.put({ f1: "f2", f2: "f1", createdAt: "${CREATED}" });
      process.kill(process.pid, "SIGKILL");
    `;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
    const [, signal] = await once(child, "exit");
    expect(signal).toBe("SIGKILL");
    const store = await openLmdbRouteStore(directory);
    expect([...store.all()]).toEqual([{ f1: "f2", f2: "f1", createdAt: CREATED }]);
    await store.put({ f1: "f3", f2: "f1", createdAt: CREATED });
    await store.close();
  });
});

describe("what is no good route store", () => {
  async function openingFails(message: RegExp): Promise<void> {
    const error = await openAndClose().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(StoreError);
    expect(String(error)).toMatch(message);
    expect(String(error)).toContain(file);
  }

  it.each([
    ["empty", "", /: is empty; restore it from a backup, or move it away/],
    ["short", "short", /: is not a route store; restore it/],
    ["something else", "something else".repeat(5000), /: is not a route store; restore it/],
  ])("a file that is %s", async (_name, content, message) => {
    await writeFile(file, content);
    await openingFails(message);
    await expect(readFile(file, "utf8")).resolves.toBe(content);
  });

  it("a directory in its place", async () => {
    await mkdir(file);
    await openingFails(/: is a directory; choose another state\.dir/);
  });

  it.each([1, 50, 4096, 6000, 8192, 12_288])("a file that was cut off after %d bytes", async (length) => {
    await fill(200);
    await truncate(file, length);
    await openingFails(/: is (cut off or damaged|not a route store)( \(.*\))?; restore it/);
  });

  it("a file of another LMDB format", async () => {
    await fill(1);
    const bytes = await readFile(file);
    const pageSize = bytes.readUInt32LE(48);
    for (const page of [0, pageSize]) bytes.writeUInt32LE(3, page + 28);
    await writeFile(file, bytes);
    await openingFails(/: has LMDB format 3 where 2 is known; use the relayd that wrote it/);
  });

  it("the LMDB file of another program", async () => {
    const foreign = open({ path: file, noSubdir: true, encoding: "json" });
    await foreign.put("hello", 1);
    await foreign.close();
    await openingFails(/: is the LMDB file of another program; choose another state\.dir/);
  });

  it("the store of a newer relayd", async () => {
    const newer = open({ path: file, noSubdir: true, encoding: "json" });
    await newer.put("relayd-schema", 3);
    await newer.close();
    await openingFails(/: has schema 3, of a newer relayd, where 2 is known; run that relayd/);
  });

  it("an entry that is no route", async () => {
    await fill(1);
    const root = open({ path: file, noSubdir: true, encoding: "json" });
    await root.openDB({ name: "routes", encoding: "json" }).put(["x", "y"], { f1: 1 });
    await root.close();
    const store = await openLmdbRouteStore(directory);
    expect(() => [...store.all()]).toThrow(/cannot be read \(an entry is not a route: \{"f1":1\}\)/);
    await store.close();
  });

  it("a route that is not as it was written", async () => {
    await fill(3);
    const bytes = await readFile(file);
    for (let at = bytes.indexOf('"createdAt":"2026'); at >= 0; at = bytes.indexOf('"createdAt":"2026', at + 1)) {
      bytes.write("2027", at + '"createdAt":"'.length);
    }
    await writeFile(file, bytes);
    const store = await openLmdbRouteStore(directory);
    expect(() => [...store.all()]).toThrow(/the route between f and f0 is not as it was written/);
    await store.close();
  });

  it.each([
    ["zeros", (page: Buffer) => page.fill(0)],
    ["noise", (page: Buffer) => randomFillSync(page)],
    ["another page", (page: Buffer, bytes: Buffer) => bytes.copy(page, 0, 3 * page.length, 4 * page.length)],
  ])("a file with a page of %s, whichever: it is told, or has every route", async (_what, damage) => {
    await fill(300);
    const whole = await readFile(file);
    const pageSize = whole.readUInt32LE(48);
    let told = 0;
    for (let at = 0; at < whole.length; at += pageSize) {
      const bytes = Buffer.from(whole);
      damage(bytes.subarray(at, at + pageSize), bytes);
      await writeFile(file, bytes);
      const found = await openAndClose().catch((error: unknown) => error);
      if (found instanceof StoreError) told++;
      else expect(found).toBe(300);
    }
    expect(told).toBeGreaterThan(2);
  });

  it("a place where no directory can be made", async () => {
    await writeFile(file, "");
    await expect(openLmdbRouteStore(join(file, "state"))).rejects.toThrow(
      /cannot be made .*; choose another state\.dir/,
    );
    await expect(openLmdbRouteStore("/proc/relayd/state")).rejects.toThrow(StoreError);
  });
});
