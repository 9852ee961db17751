import { describe, expect, it } from "vitest";
import { chooseSocket } from "./control-socket.ts";

const everything = { RELAYD_SOCKET: "/env.sock", XDG_RUNTIME_DIR: "/run/user/1" };

describe("the control socket", () => {
  it.each([
    ["the flag", "/flag.sock", everything, true, "/flag.sock"],
    ["the environment", undefined, everything, true, "/env.sock"],
    ["the user's own", undefined, { XDG_RUNTIME_DIR: "/run/user/1" }, true, "/run/user/1/relayd/relayd.sock"],
    [
      "the system's, where the user has none",
      undefined,
      { XDG_RUNTIME_DIR: "/run/user/1" },
      false,
      "/run/relayd/relayd.sock",
    ],
    ["the system's", undefined, { RELAYD_SOCKET: "" }, true, "/run/relayd/relayd.sock"],
  ])("is %s", (_what, flag, environment, exists, path) => {
    expect(chooseSocket(flag, environment, () => exists)).toMatchObject({ path });
  });
});
