/**
 * The unit tests that hold the mutated rooms; the data plane's are about other files, and take long, and so is the one that splits
 * a detach at every byte. Random tests are shorter than in CI: each runs for each of a thousand mutants.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("../..", import.meta.url));

export default defineConfig({
  // The sources, which are mutated, and not what was built of them.
  resolve: { alias: { "@serverless-relay/protocol": `${root}packages/relay-protocol/src/index.ts` } },
  test: {
    root,
    include: ["packages/relay-{core,protocol}/src/**/*.test.ts"],
    exclude: ["packages/relay-core/src/splice/**"],
    // the machine is busy with other mutants
    testTimeout: 60_000,
    testNamePattern: /^(?!.*at every split)/,
    env: { PAIRING_RUNS: "40", FUZZ_REQUESTS: "1000" },
  },
});
