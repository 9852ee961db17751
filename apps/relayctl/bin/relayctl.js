#!/usr/bin/env node
// Not by import: importing what Node itself brings, or a bundle that requires it, costs a third of the start-up time.
const { createRequire, enableCompileCache } = process.getBuiltinModule("node:module");
const { homedir } = process.getBuiltinModule("node:os");
const path = process.getBuiltinModule("node:path");

if (typeof enableCompileCache !== "function") {
  process.stderr.write(`relayctl needs Node 22.13 or later; this is ${process.version}\n`);
  process.exit(1);
}
// Another third would go into compiling. Not in the shared temporary directory, where Node would keep it.
enableCompileCache(
  path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "serverless-relay", "compiled"),
);
const { main } = createRequire(import.meta.url)("../dist/bundle/main.cjs");
await main(process.argv.slice(2));
