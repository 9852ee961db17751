/**
 * All tests, so that V8 itself counts what they run: nothing is transformed, and unit tests are taken from `dist`, which the
 * processes that end-to-end tests start run, too. Both then count for the same files.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const native = {
  experimental: { viteModuleRunner: false },
  setupFiles: ["e2e/coverage/write-coverage.ts"],
};

export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    // Counting costs time, and some tests compare times: what they say is for `pnpm test`. What they ran counts all the same.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        test: {
          ...native,
          name: "unit",
          include: ["packages/*/dist/**/*.test.js", "apps/*/dist/**/*.test.js"],
          exclude: ["**/node_modules/**"],
        },
      },
      { test: { ...native, name: "e2e", include: ["e2e/**/*.test.ts"] } },
    ],
  },
});
