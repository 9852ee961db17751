import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTarget, isFunctionName, parseTarget } from "./names.ts";

describe("a function's name", () => {
  it.each(["f1", "F1", "build-42", "a.b_c", "spiffe://example.org/ns/a/f1", "urn-x://h/%20", "a".repeat(512)])(
    "may be %s",
    (name) => {
      expect(isFunctionName(name)).toBe(true);
    },
  );

  it.each(["", "-f", ".f", "*.example", "f 1", "f\n1", "f\u0000", "ü", "a/b", "a:b", "spiffe:x", "a".repeat(513)])(
    "may not be %j",
    (name) => {
      expect(isFunctionName(name)).toBe(false);
    },
  );

  it("goes through a CONNECT target unchanged", () => {
    const name = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/),
      fc.stringMatching(/^spiffe:\/\/[a-z.]{1,20}\/[A-Za-z0-9/_:@!$&'()*+,;=~-]{0,60}$/),
    );
    fc.assert(
      fc.property(name, fc.integer({ min: 1, max: 65535 }), (peer, port) => {
        expect(parseTarget(formatTarget(peer, port))).toEqual({ peer, port });
      }),
    );
  });

  it.each([
    "f2",
    "f2:",
    "f2:0",
    "f2:65536",
    ":443",
    "f2:443:443",
    "f2:4a",
    "http://f2/",
    "a%ZZ:443",
    "%00:443",
    "f2:+1",
  ])("is not read from the target %j", (target) => {
    expect(parseTarget(target)).toBeNull();
  });
});
