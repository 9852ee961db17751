#!/usr/bin/env -S node --max-semi-space-size=2
// The flag: with V8's usual young generation, garbage of past handshakes would be most of the memory of a relay with
// thousands of parked clients (31 KiB each against 11, measured). What it costs in CPU is within the noise so far.
if (typeof Promise.withResolvers === "function") {
  await import("../dist/main.js");
} else {
  // Node 20 would get as far as something that it lacks, and name that.
  process.stderr.write(`relayd needs Node 22.13 or later; this is ${process.version}\n`);
  process.exitCode = 78; // EX_CONFIG: to start it again would be of no use
}
