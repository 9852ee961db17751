/** What a command loads before it does anything: that, and not the work, is most of the time that it takes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useShell } from "./relayctl.test-support.ts";

const shell = useShell();

interface Loaded {
  /** file URLs */
  readonly files: readonly string[];
  /** modules of Node's, its inner ones included */
  readonly builtins: readonly string[];
}

const RECORDER = `
const { registerHooks } = process.getBuiltinModule("node:module");
const { writeFileSync } = process.getBuiltinModule("node:fs");
const files = [];
registerHooks({ load(url, context, next) { if (url.startsWith("file:")) files.push(url); return next(url, context); } });
process.on("exit", () => writeFileSync(process.env.LOADED, JSON.stringify({ files, builtins: process.moduleLoadList })));
`;

async function loadedBy(words: string): Promise<Loaded> {
  const LOADED = join(shell.dir, "loaded.json");
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(RECORDER)}`;
  await shell.relayctl(words, { LOADED, NODE_OPTIONS });
  return JSON.parse(await readFile(LOADED, "utf8")) as Loaded;
}

describe("a command", { timeout: 30_000 }, () => {
  it.each([
    ["status", 8],
    ["route list --json", 8],
    ["route add f1 f2", 8],
    ["cert list", 9],
    ["--help", 32], // of each command
  ])("%s loads at most %i files, all of relayctl's own, and none of Node's large modules", async (words, most) => {
    const { files, builtins } = await loadedBy(words);
    expect(files.filter((url) => !/\/apps\/relayctl\/(bin|dist\/bundle)\//.test(url))).toEqual([]);
    expect(files.length).toBeGreaterThan(1);
    expect(files.length).toBeLessThanOrEqual(most);
    const large = ["internal/deps/undici/undici", "internal/crypto/webcrypto"].map((name) => `NativeModule ${name}`);
    expect(builtins.filter((name) => large.includes(name))).toEqual([]);
  });

  it.each(["status", "route list --json", "route add f1 f2"])(
    "%s loads no other command, no help, and no module of Node's that it has no use for",
    async (words) => {
      const { files, builtins } = await loadedBy(words);
      expect(files.filter((url) => /\/(commands|issuing)\.cjs$/.test(url))).toEqual([]);
      const unused = ["fs/promises", "child_process", "worker_threads", "perf_hooks", "dgram"];
      expect(builtins.filter((name) => unused.includes(name.replace("NativeModule ", "")))).toEqual([]);
    },
  );

  it("is found compiled, from the second time on", async () => {
    await shell.relayctl("status");
    const { stderr } = await shell.relayctl("status", { NODE_DEBUG_NATIVE: "COMPILE_CACHE" });
    const accepted = stderr.matchAll(/\/bundle\/([a-z0-9-]+)\.cjs was accepted/g);
    expect([...accepted].map(([, name]) => name)).toEqual(
      expect.arrayContaining(["main", "oclif", "shared", "client"]),
    );
  });

  it("that issues certificates loads what it takes for that", async () => {
    const { files } = await loadedBy("init --dir made");
    expect(files.some((url) => url.includes("/relay-pki/"))).toBe(true);
  });
});
