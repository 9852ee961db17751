import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/** Takes from this Node what Node 20 lacks, and the programs look for. */
const OLD = `delete Promise.withResolvers; delete process.getBuiltinModule("node:module").enableCompileCache;`;

it.each([
  ["relayd", 78],
  ["relayctl", 1],
  ["relay-sidecar", 1],
])("%s says which Node it needs, and ends with %i", async (program, code) => {
  const bin = fileURLToPath(new URL(`../apps/${program}/bin/${program}.js`, import.meta.url));
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(OLD)}`;
  const ended = await new Promise((resolve) => {
    execFile(process.execPath, [bin, "--version"], { env: { ...process.env, NODE_OPTIONS } }, (error, stdout, stderr) =>
      resolve({ code: error?.code, stdout, stderr }),
    );
  });
  expect(ended).toEqual({
    code,
    stdout: "",
    stderr: `${program} needs Node 22.13 or later; this is ${process.version}\n`,
  });
});
