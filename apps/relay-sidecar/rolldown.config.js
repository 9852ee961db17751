/**
 * One file for each command, oclif included: ssh starts a ProxyCommand for every connection, and most of its start would go into
 * finding, reading and linking files. The logger stays outside: it loads parts of itself by their place.
 */
import { defineConfig } from "rolldown";

export default defineConfig({
  input: { main: "src/main.ts", commands: "src/commands/index.ts" },
  platform: "node",
  external: ["pino"],
  output: {
    dir: "dist/bundle",
    format: "esm",
    sourcemap: true,
    minify: { compress: false, mangle: false },
    chunkFileNames: "[name].js",
  },
});
