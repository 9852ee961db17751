/**
 * A few files in place of the 250 that oclif and we are made of: relayctl is started for each command, and most of its start
 * would go into finding, reading and linking them. What issues certificates stays outside: few commands need it, and it takes
 * longer than all the rest.
 */
import { defineConfig } from "rolldown";

/** What oclif requires at every start, and hardly ever uses: it is taken when it is used. */
const LATE = new Set([
  "ansis",
  "clean-stack",
  "cli-spinners",
  "ejs",
  "lilconfig",
  "minimatch",
  "node:child_process",
  "node:fs/promises",
  "node:perf_hooks",
  "string-width",
  "tinyglobby",
  "widest-line",
  "wrap-ansi",
]);

const LATE_PREFIX = "\0late:";
/** wsl-utils reads several files, only to call the platform by another name. */
const NO_WSL = "\0no-wsl";

const late = {
  name: "late",
  async resolveId(id, importer) {
    if (!importer?.includes("/@oclif/core/lib/")) return null;
    if (id === "wsl-utils") return NO_WSL;
    if (!LATE.has(id)) return null;
    const real = id.startsWith("node:") ? id : (await this.resolve(id, importer, { skipSelf: true })).id;
    return LATE_PREFIX + real;
  },
  load(id) {
    if (id === NO_WSL) return "export const isWsl = false;";
    if (!id.startsWith(LATE_PREFIX)) return null;
    const code = `let it;
const take = () => (it ??= require(${JSON.stringify(id.slice(LATE_PREFIX.length))}));
module.exports = new Proxy(function () {}, {
  get: (_, key) => (key === "__esModule" ? false : key in take() ? it[key] : it.default?.[key]),
  apply: (_, self, args) => Reflect.apply(typeof take() === "function" ? it : it.default, self, args),
});`;
    return { code, moduleType: "js" };
  },
};

export default defineConfig({
  input: { main: "src/main.ts", commands: "src/commands/index.ts" },
  platform: "node",
  external: ["@serverless-relay/pki", "typescript"],
  plugins: [late],
  preserveEntrySignatures: "allow-extension",
  output: {
    dir: "dist/bundle",
    // Node starts CommonJS faster, and loads less of itself: importing one function of node:fs loads all that node:fs can export.
    format: "cjs",
    exports: "named",
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        {
          name: "oclif",
          test: (id) => /node_modules|relay-protocol/.test(id) || id.startsWith(LATE_PREFIX) || id === NO_WSL,
        },
        {
          name: "shared",
          test: /relayctl.src.(?!certificate|function-identity|installation|ledger|new-files|own-|revocation)[a-z-]+\.ts/,
          minShareCount: 2,
          priority: 1,
        },
        { name: "issuing", test: /relayctl.src.[a-z-]+\.ts/, minShareCount: 2 },
      ],
    },
    sourcemap: true,
    minify: { compress: false, mangle: false },
    cleanDir: true,
  },
});
