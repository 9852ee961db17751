import { mkdtemp, readFile, rename, rm, stat, symlink, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuditFile } from "./audit-file.ts";

let directory: string;
let path: string;
let told: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-audit-"));
  path = join(directory, "audit.ndjson");
  told = [];
});
afterEach(() => rm(directory, { recursive: true }));

const open = () =>
  AuditFile.open(path, {
    failing: (why) => void told.push(`failing: ${why}`),
    recovered: (lost) => void told.push(`recovered: ${lost} lost`),
  });

async function entries(file = path): Promise<unknown[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => JSON.parse(line) as unknown);
}

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, index) => ({ index: from + index }));

describe("the audit file", () => {
  it("is its owner's alone, and has every entry, in order", async () => {
    const file = await open();
    for (const entry of numbered(10_000)) file.write(entry);
    await file.close();
    expect(await entries()).toEqual(numbered(10_000));
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe("600");
    expect(told).toEqual([]);
  });

  it("is written without being asked to, soon", async () => {
    const file = await open();
    file.write({ index: 0 });
    await expect.poll(() => readFile(path, "utf8")).toBe('{"index":0}\n');
    await file.close();
  });

  it("is appended to", async () => {
    for (const entry of numbered(3)) {
      const file = await open();
      file.write(entry);
      await file.close();
    }
    expect(await entries()).toEqual(numbered(3));
  });

  it("goes on in a new file when it was moved away, and nothing is lost in between", async () => {
    const file = await open();
    for (const entry of numbered(100)) file.write(entry);
    await rename(path, `${path}.1`);
    for (const entry of numbered(100, 100)) file.write(entry);
    await file.reopen();
    for (const entry of numbered(100, 200)) file.write(entry);
    await file.close();
    expect(await entries(`${path}.1`)).toEqual(numbered(200));
    expect(await entries()).toEqual(numbered(100, 200));
  });

  it("goes on where it was if it cannot be opened anew", async () => {
    const file = await open();
    await rename(directory, `${directory}-moved`);
    await expect(file.reopen()).rejects.toMatchObject({ code: "ENOENT" });
    file.write({ index: 0 });
    await file.close();
    await rename(`${directory}-moved`, directory);
    expect(await entries()).toEqual(numbered(1));
  });
});

describe.runIf(process.platform === "linux")("where the disk is full", () => {
  const fill = () => symlink("/dev/full", path);

  it("says so once, keeps what comes, and writes it when there is room", async () => {
    await fill();
    const file = await open();
    for (const entry of numbered(10)) file.write(entry);
    await expect.poll(() => told).toHaveLength(1);
    expect(told[0]).toMatch(/^failing: ENOSPC: /);
    expect(file.failing).toBe(true);
    file.write({ index: 10 });
    await unlink(path);
    await file.reopen();
    expect(file.failing).toBe(false);
    expect(await entries()).toEqual(numbered(11));
    expect(told).toEqual([told[0], "recovered: 0 lost"]);
    await file.close();
    expect(file.lost).toBe(0);
  });

  it("loses no more than it has to, and counts that", async () => {
    await fill();
    const file = await open();
    const pad = "x".repeat(1024 * 1024);
    for (const { index } of numbered(20)) file.write({ index, pad });
    await expect.poll(() => told).toHaveLength(1);
    expect(file.lost).toBeGreaterThan(5);
    expect(file.lost).toBeLessThan(20);
    await unlink(path);
    await file.reopen();
    expect(told[1]).toBe(`recovered: ${file.lost} lost`);
    expect(await entries()).toHaveLength(20 - file.lost);
    await file.close();
  });

  it("says at its end what was lost", async () => {
    await fill();
    const file = await open();
    for (const entry of numbered(3)) file.write(entry);
    await file.close();
    expect(told.at(-1)).toBe("failing: 3 lines were not written, and are lost");
    expect(file.lost).toBe(3);
  });
});
