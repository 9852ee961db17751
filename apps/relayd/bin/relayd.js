#!/usr/bin/env -S node --max-semi-space-size=2
// The flag: with V8's usual young generation, garbage of past handshakes would be most of the memory of a relay with
// thousands of parked clients (31 KiB each against 11, measured). What it costs in CPU is within the noise so far.
import "../dist/main.js";
