import { join } from "node:path";
import { End, type FunctionFiles, meet, park, RunningRelay, refusalReason, run } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ yaml: "routes: [ { between: [fixed1, fixed2] } ]" });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});

afterAll(() => relay.finish());

describe("relayctl", () => {
  it("adds a route, says so if it is there already, lists it, and deletes it", async () => {
    expect(await relay.relayctl("route", "add", "a", "b")).toEqual({
      code: 0,
      stderr: "",
      stdout: "route a <-> b added\n",
    });
    const again = await relay.relayctl("route", "add", "b", "a");
    expect(again).toEqual({ code: 0, stderr: "", stdout: "route a <-> b exists already: nothing changed\n" });
    const list = await relay.relayctl("route", "list", "--json");
    expect(JSON.parse(list.stdout)).toEqual({
      routes: [
        expect.objectContaining({ f1: "fixed1", f2: "fixed2", source: "static", createdAt: null }),
        expect.objectContaining({ f1: "a", f2: "b", source: "dynamic", listener: null, parked: 0, sessions: 0 }),
      ],
    });
    const deleted = await relay.relayctl("route", "delete", "b", "a");
    expect(deleted).toEqual({ code: 0, stderr: "", stdout: "route a <-> b deleted: 0 parked clients refused\n" });
    expect(await relay.control.listRoutes()).toHaveLength(1);
  });

  it("says what a name may be", async () => {
    const { code, stdout, stderr } = await relay.relayctl("route", "add", "f1", "f 2");
    expect(stderr).toMatch(/^relayctl: "f 2" cannot be a name: a name is 1 to 512 characters: either letters, digits/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });

  it("exits with 1 where there is no such route, and where it is of the configuration file", async () => {
    const absent = await relay.relayctl("route", "delete", "f8", "f9");
    expect(absent).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^relayctl: there is no route between f8 and f9; /),
    });
    const fixed = await relay.relayctl("route", "delete", "fixed1", "fixed2", "--json");
    expect(fixed).toMatchObject({ code: 1, stderr: "" });
    expect(JSON.parse(fixed.stdout)).toEqual({
      error: {
        code: "route_static",
        message: expect.stringContaining("it is in the configuration file; remove it there"),
      },
    });
    const other = await relay.relayctl("route", "add", "fixed1", "fixed2", "--max-sessions", "3");
    expect(other.stderr).toContain("maxSessions is not set, not 3; it is static: change it in the configuration file");
  });

  it("exits with 1 where a listener is asked for and there are none", async () => {
    const { code, stderr } = await relay.relayctl("route", "add", "a", "b", "--protocol", "bare");
    expect(stderr).toContain("set listen.perRoute in the configuration");
    expect(code).toBe(1);
    expect(await relay.control.listRoutes()).toHaveLength(1);
  });

  it("exits with 2 on a wrong command line", async () => {
    for (const wrong of [
      ["route", "add", "f1"],
      ["route", "ad", "f1", "f2"],
      ["route", "list", "--jsn"],
    ]) {
      expect(await relay.relayctl(...wrong)).toMatchObject({
        code: 2,
        stdout: "",
        stderr: expect.stringMatching(/^relayctl: /),
      });
    }
  });

  it("exits with 69 where there is no daemon", async () => {
    const socket = join(relay.directory, "run", "other.sock");
    for (const command of [
      ["status"],
      ["route", "list"],
      ["route", "add", "f1", "f2"],
      ["route", "delete", "f1", "f2"],
    ]) {
      const { code, stdout, stderr } = await run("relayctl", [...command, "--socket", socket]);
      expect(stderr).toContain(`no relayd at ${socket}: there is no such socket.`);
      expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
    }
  });
});

describe("a route that is deleted", () => {
  it("has its parked clients refused within a second, and lets its sessions run", async () => {
    await relay.control.addRoute({ f1: "f1", f2: "f2" });
    const { ends, session } = await meet(relay, f1, f2);
    const raw = await park(relay, f1, "f2", { channel: 1 });
    const tls = await park(relay, f2, "f1", { channel: 2, transport: "tls" });

    const deleted = await relay.relayctl("route", "delete", "f1", "f2");
    const answered = performance.now();
    expect(deleted.stdout).toBe("route f1 <-> f2 deleted: 2 parked clients refused\n");
    for (const end of [raw, tls]) {
      const answer = await end.rest();
      expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
      expect(refusalReason(answer)).toBe("no_route");
      expect(await relay.logged("refused", { address: end.address })).toMatchObject({ reason: "no_route" });
      end.destroy();
    }
    expect(performance.now() - answered).toBeLessThan(1_000);

    await expect(End.raw(relay.port, f1, "f2:443")).rejects.toThrow("; reason=no_route\r\n");
    ends[0].stream.end("still here");
    expect(await ends[1].rest()).toBe("still here");
    ends[1].stream.end("me too");
    expect(await ends[0].rest()).toBe("me too");
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed" });
    for (const end of ends) end.destroy();
  });

  it("has its sessions reset with --kill, and no others", async () => {
    await relay.control.addRoute({ f1: "f1", f2: "f2" });
    await relay.control.addRoute({ f1: "f1", f2: "f3" });
    const doomed = [await meet(relay, f1, f2), await meet(relay, f1, f2, [{ transport: "tls" }, { transport: "tls" }])];
    const spared = await meet(relay, f1, await relay.issue("f3"));
    const resets = doomed.flatMap(({ ends }) => ends.map((end) => end.broken()));

    const { stdout } = await relay.relayctl("route", "delete", "f1", "f2", "--kill");
    expect(stdout).toBe("route f1 <-> f2 deleted: 0 parked clients refused, 2 sessions ended\n");
    await Promise.all(resets);
    for (const { session } of doomed) {
      expect(await relay.logged("ended", { session })).toMatchObject({ reason: "route_deleted", by: null });
    }
    spared.ends[0].stream.end("spared");
    expect(await spared.ends[1].rest()).toBe("spared");
    for (const { ends } of [...doomed, spared]) for (const end of ends) end.destroy();
    await relay.control.deleteRoute("f1", "f3");
  });

  it("may be added again at once", async () => {
    for (let round = 0; round < 3; round++) {
      expect(await relay.control.addRoute({ f1: "f1", f2: "f2" })).toMatchObject({ created: true });
      const { ends } = await meet(relay, f1, f2);
      for (const end of ends) end.destroy();
      await relay.control.deleteRoute("f1", "f2");
    }
  });
});
