/**
 * One file for what every command needs, and little more for each of the others: relayctl is started for each command, and most of
 * its start would go into finding, reading and linking the 250 files that oclif and we are made of. What issues certificates
 * stays outside: few commands need it, and it takes longer than all the rest.
 */
import { defineConfig } from "rolldown";

export default defineConfig({
  input: { main: "src/main.ts", commands: "src/commands/index.ts" },
  platform: "node",
  external: ["@serverless-relay/pki"],
  output: {
    dir: "dist/bundle",
    format: "esm",
    sourcemap: true,
    minify: { compress: false, mangle: false },
    chunkFileNames: "[name].js",
  },
});
