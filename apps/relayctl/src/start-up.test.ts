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
import { registerHooks } from "node:module";
import { writeFileSync } from "node:fs";
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
  it.each(["status", "route list --json", "route add f1 f2", "cert list", "--help"])(
    "%s loads a few files of relayctl's own, and none of Node's large modules",
    async (words) => {
      const { files, builtins } = await loadedBy(words);
      expect(files.filter((url) => !/\/apps\/relayctl\/(bin|dist\/bundle)\//.test(url))).toEqual([]);
      expect(files.length).toBeGreaterThan(1);
      expect(files.length).toBeLessThan(8);
      const large = ["internal/deps/undici/undici", "internal/crypto/webcrypto"].map((name) => `NativeModule ${name}`);
      expect(builtins.filter((name) => large.includes(name))).toEqual([]);
    },
  );

  it("that issues certificates loads what it takes for that", async () => {
    const { files } = await loadedBy("init --dir made");
    expect(files.some((url) => url.includes("/relay-pki/"))).toBe(true);
  });
});
