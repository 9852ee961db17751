import { describe, expect, it } from "vitest";
import { shareDescriptors } from "./open-files.ts";

describe("file descriptors", () => {
  it.each([64, 256, 1024, 20_000, 1_048_576])("are not promised twice where there are %i", (limit) => {
    const { connections, handshakes, pipes } = shareDescriptors(limit);
    expect(connections + 2 * pipes).toBeLessThan(limit * 0.95);
    expect(limit - connections - handshakes - 2 * pipes).toBeGreaterThanOrEqual(Math.min(128, limit / 4));
    expect(handshakes).toBeGreaterThan(0);
    expect(connections).toBeGreaterThan(limit / 4);
    expect(pipes).toBeGreaterThan(0);
  });
});
