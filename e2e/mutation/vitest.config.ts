/** The unit tests that hold the mutated rooms; the data plane's are about other files, and take long. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    include: ["packages/relay-{core,protocol}/src/**/*.test.ts"],
    exclude: ["packages/relay-core/src/splice/**"],
  },
});
