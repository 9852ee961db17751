import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "./logging.ts";

let directory: string;
let file: Awaited<ReturnType<typeof open>>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relayd-log-"));
  file = await open(join(directory, "log"), "w");
});
afterEach(async () => {
  await file.close();
  await rm(directory, { recursive: true });
});

const written = async () => await readFile(join(directory, "log"), "utf8");

async function writtenLines(count: number): Promise<string[]> {
  return await vi.waitFor(async () => {
    const lines = (await written()).trimEnd().split("\n");
    expect(lines).toHaveLength(count);
    expect(lines[0]).not.toBe("");
    return lines;
  });
}

describe("the log", () => {
  it.each([
    ["json", true],
    ["auto", false],
  ] as const)("of format %s, on a terminal: %s, is one JSON object a line", async (format, isTTY) => {
    const log = createLogger({ level: "info", format }, { fd: file.fd, isTTY });
    log.debug("not shown");
    log.info({ reason: "no_route" }, "refused");
    log.error(new Error("broken"));
    const [first = "", second = ""] = await writtenLines(2);
    expect(JSON.parse(first)).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      reason: "no_route",
      msg: "refused",
    });
    expect(JSON.parse(second)).toMatchObject({ level: "error", msg: "broken", err: { type: "Error" } });
  });

  it.each([
    ["pretty", false],
    ["auto", true],
  ] as const)("of format %s, on a terminal: %s, is for people", async (format, isTTY) => {
    const log = createLogger({ level: "trace", format }, { fd: file.fd, isTTY });
    log.trace({ reason: "no_route" }, "refused");
    const [line = ""] = await writtenLines(1);
    expect(line).toMatch(/TRACE.*refused.*"reason":"no_route"/);
  });
});
