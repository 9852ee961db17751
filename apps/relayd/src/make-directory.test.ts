import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeDirectory } from "./make-directory.ts";

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "relayd-directory-"));
});
afterEach(async () => {
  await rm(place, { recursive: true });
});

describe("making a directory", () => {
  it("makes what is missing, with the mode, and leaves what is there as it is", async () => {
    const path = join(place, "a", "b");
    await makeDirectory(path, 0o700);
    await makeDirectory(path, 0o711);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect((await stat(join(place, "a"))).mode & 0o777).toBe(0o700);
  });

  it("fails where a file is in the way, and where the file system takes nothing new", async () => {
    await writeFile(join(place, "file"), "");
    await expect(makeDirectory(join(place, "file"), 0o700)).rejects.toThrow("EEXIST");
    await expect(makeDirectory(join(place, "file", "a"), 0o700)).rejects.toThrow("ENOTDIR");
    await expect(makeDirectory("/proc/relayd/a", 0o700)).rejects.toThrow("ENOENT");
  });
});
