import { describe, expect, it } from "vitest";
import { unreachable } from "./unreachable.ts";

describe("what the connection failed with", () => {
  it.each([
    ["EACCES", false, "denied"],
    ["ENOENT", false, "absent"],
    ["ECONNREFUSED", false, "refused"],
    ["ECONNRESET", false, "closed"],
    ["ECONNRESET", true, "truncated"],
    ["HPE_INVALID_CONSTANT", true, "not_relayd"],
    ["EMFILE", false, "failed"],
  ])("%s (answering: %s) is %s", (code, answering, reason) => {
    const error = Object.assign(new Error(`connect ${code}`), { code });
    const translated = unreachable(error, "/run/relayd.sock", answering);
    expect(translated).toMatchObject({ reason, cause: error, message: expect.stringContaining("/run/relayd.sock") });
  });
});
