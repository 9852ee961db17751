#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// A third of the start-up time would go into compiling. Not in the shared temporary directory, where Node would keep it.
enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "serverless-relay", "compiled"));
const { main } = await import("../dist/bundle/main.js");
await main(process.argv.slice(2));
