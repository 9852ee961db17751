#!/usr/bin/env node
import { join } from "node:path";

const { enableCompileCache } = process.getBuiltinModule("node:module");
if (typeof enableCompileCache !== "function") {
  process.stderr.write(`relay-sidecar needs Node 22.13 or later; this is ${process.version}\n`);
  process.exit(1);
}
// A third of the start-up time would go into compiling, and ssh waits for it. A container may have no home, and then does without.
const cache = process.env.XDG_CACHE_HOME || (process.env.HOME && join(process.env.HOME, ".cache"));
if (cache) enableCompileCache(join(cache, "serverless-relay", "compiled"));
const { main } = await import("../dist/bundle/main.js");
await main(process.argv.slice(2));
