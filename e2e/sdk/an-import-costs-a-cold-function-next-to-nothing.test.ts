/** What `import "@serverless-relay/client"` makes a cold function wait for, each time in a process of its own. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { runCommand } from "@serverless-relay/testkit";
import { expect, it } from "vitest";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const PACKAGE = new URL("../../packages/relay-client/package.json", import.meta.url);
/** Each is dear, and of no use before a connection is made. */
const LATER = ["net", "tls", "http", "https", "http2", "crypto", "dns", "internal/deps/undici/undici"];

interface Cost {
  /** file URLs */
  readonly files: readonly string[];
  /** modules of Node's that were not there before */
  readonly builtins: readonly string[];
}

async function costOf(what: string): Promise<Cost> {
  const program = `
    import { registerHooks } from "node:module";
    const files = [];
    registerHooks({ load(url, context, next) { if (url.startsWith("file:")) files.push(url); return next(url, context); } });
    const before = new Set(process.moduleLoadList);
    ${what}
    const builtins = process.moduleLoadList.filter((name) => !before.has(name)).map((name) => name.split(" ").at(-1));
    console.log(JSON.stringify({ files, builtins }));`;
  const { code, stdout, stderr } = await runCommand("node", ["--input-type=module", "--eval", program], { cwd: HERE });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Cost;
}

it("loads few files, all of them its own, and nothing of Node's that only a connection needs", async () => {
  const { files, builtins } = await costOf(`await import("@serverless-relay/client");`);
  expect(files.filter((url) => !url.includes("/packages/relay-client/dist/bundle/"))).toEqual([]);
  expect(files.length).toBeLessThanOrEqual(3);
  expect(builtins.filter((name) => LATER.includes(name))).toEqual([]);
});

it("which a connection does load: so this test would notice", async () => {
  const { builtins } = await costOf(`
    const { reachRelay } = await import("@serverless-relay/client");
    await reachRelay({ relay: "127.0.0.1:1", peer: "f2", identity: { cert: "", key: "", ca: "" } }).catch(() => {});`);
  expect(builtins).toContain("crypto");
});

it("asks npm for nothing but what is of this project", async () => {
  const { dependencies, sideEffects } = JSON.parse(await readFile(PACKAGE, "utf8")) as Record<string, unknown>;
  expect(dependencies).toEqual({ "@serverless-relay/protocol": "workspace:*" });
  expect(sideEffects).toBe(false);
});
