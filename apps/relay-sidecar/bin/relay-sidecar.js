#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { join } from "node:path";

// A third of the start-up time would go into compiling, and ssh waits for it. A container may have no home, and then does without.
const cache = process.env.XDG_CACHE_HOME || (process.env.HOME && join(process.env.HOME, ".cache"));
if (cache) enableCompileCache(join(cache, "serverless-relay", "compiled"));
const { main } = await import("../dist/bundle/main.js");
await main(process.argv.slice(2));
