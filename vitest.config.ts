import { configDefaults, defineConfig } from "vitest/config";

/** They compare times, or rates, and so have nothing beside them. */
const measured = [
  "e2e/a-bandwidth-limit-holds.test.ts",
  "e2e/faults/a-crowd-from-one-address-keeps-nobody-out.test.ts",
  "e2e/faults/a-firehose-does-not-starve-its-neighbours.test.ts",
  "e2e/faults/an-idle-relay-uses-no-cpu.test.ts",
];

const endToEnd = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts"],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...endToEnd,
          name: "e2e",
          include: ["e2e/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...measured],
          maxWorkers: 4, // most of their time they wait: for deadlines, drains and pauses
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...endToEnd,
          name: "measured",
          include: measured,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
