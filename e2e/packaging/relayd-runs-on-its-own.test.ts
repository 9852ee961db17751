import { mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { meet, RunningRelay, runCommand } from "@serverless-relay/testkit";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DEPLOY_MS = 120_000;

it(
  "what the Dockerfile copies is all that relayd needs, and nothing in it leads back here",
  async () => {
    const directory = await realpath(await mkdtemp(join(tmpdir(), "relay-tree-")));
    try {
      const tree = join(directory, "relayd");
      const command = ["-y", "pnpm@12", "--filter", "@serverless-relay/relayd", "--prod", "deploy", tree];
      const deployed = await runCommand("npx", command, { cwd: ROOT, timeoutMs: DEPLOY_MS });
      expect(deployed, deployed.stderr).toMatchObject({ code: 0 });
      expect(await linksOutOf(tree)).toEqual([]);
      // of what it is given to run, the program of this repository is put aside
      const under = ["bash", "-c", `exec "$0" "\${@/#*"/bin/relayd.js"/"${tree}/bin/relayd.js"}"`];
      const relay = await RunningRelay.start({ under, yaml: "splice: kernel", routes: [["f1", "f2"]] });
      const { ends } = await meet(relay, await relay.issue("f1"), await relay.issue("f2"));
      const arrived = ends[1].rest();
      for (const { stream } of ends) stream.end("hello");
      expect(await arrived).toBe("hello");
      await relay.finish();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
  DEPLOY_MS + 60_000,
);

/** The symbolic links in `tree` that lead out of it, or nowhere. */
async function linksOutOf(tree: string): Promise<string[]> {
  const out: string[] = [];
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const link = join(entry.parentPath, entry.name);
    const target = await realpath(link).catch(() => "nowhere");
    if (!target.startsWith(`${tree}/`)) out.push(`${link} -> ${target}`);
  }
  return out;
}
