import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlError } from "@serverless-relay/control-api/client";
import { type Met, meet, Running, RunningRelay, runCommand } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { whileFailing } from "./failing-calls.ts";

/** The file of a new store fits, and some hundred routes. */
const DISK_KIB = 160;

let directory: string;
/** Holds the mount, which nobody sees but itself, and relayd. */
let disk: Running;
let relay: RunningRelay;
let session: Met;

const atDisk = (...command: string[]) => ["nsenter", "--mount", "--target", String(disk.pid), ...command] as const;
const names = async () => new Set((await relay.control.listRoutes()).map(({ f1 }) => f1));

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relay-disk-"));
  const mount = `mount -t tmpfs -o size=${DISK_KIB}k,mode=700 none ${directory} && echo mounted && exec sleep 600`;
  disk = Running.startCommand("unshare", ["--mount", "sh", "-c", mount]);
  await disk.line(/mounted/);
  relay = await RunningRelay.start({ under: atDisk(), state: directory, routes: [["f1", "f2"]] });
  session = await meet(relay, await relay.issue("f1"), await relay.issue("f2"));
});

/** Whatever the disk did: relayd is the same process, and the session has not noticed. */
afterEach(async () => {
  const [near, far] = session.ends;
  near.destroy();
  far.destroy();
  await relay.finish();
  await disk.stop("SIGKILL");
  await rm(directory, { recursive: true });
});

async function expectSessionGoesOn(): Promise<void> {
  const [near, far] = session.ends;
  near.stream.end("still here");
  expect(await far.rest()).toBe("still here");
}

/** Adds and deletes several at once; gives those that were acknowledged as added, and takes them out that were as deleted. */
async function change(known: Set<string>, added: readonly string[], deleted: readonly string[]): Promise<string[]> {
  const failures: string[] = [];
  const noted = (error: unknown) => {
    if (!(error instanceof ControlError)) throw error;
    failures.push(`${error.code} ${error.message}`);
  };
  await Promise.all([
    ...added.map((f1) => relay.control.addRoute({ f1, f2: "g" }).then(() => known.add(f1), noted)),
    ...deleted.map((f1) => relay.control.deleteRoute(f1, "g").then(() => known.delete(f1), noted)),
  ]);
  return failures;
}

it("the disk is full: a change is refused with the reason, relayd goes on, and once there is room, it is as ever", async () => {
  const known = new Set(["f1"]);
  let failures: string[] = [];
  for (let round = 0; failures.length === 0; round++) {
    expect(round).toBeLessThan(1_000);
    failures = await change(
      known,
      Array.from({ length: 8 }, (_, index) => `${"x".repeat(200)}${round}-${index}`),
      [],
    );
  }
  for (const failure of failures) {
    expect(failure).toMatch(
      /^store_failed .*routes\.mdb: cannot be written \(No space left on device\); see to the disk/,
    );
  }
  expect(await names()).toEqual(known);
  await change(known, ["y1", "y2"], [...known].slice(1, 5));
  expect(await names()).toEqual(known);
  await expectSessionGoesOn();

  const [command, ...args] = atDisk("mount", "-o", `remount,size=${4 * DISK_KIB}k`, directory);
  expect(await runCommand(command, args)).toMatchObject({ code: 0 });
  expect(await change(known, ["z1", "z2"], [...known].slice(1, 5))).toEqual([]);
  await relay.crash();
  await relay.boot();
  expect(await names()).toEqual(known);
});

it.each([
  ["neither written nor synced", "pwrite64,pwritev,fdatasync,fsync,msync:error=EIO"],
  ["not synced", "fdatasync,fsync,msync:error=EIO"],
  ["synced now and then", "fdatasync:error=EIO:when=2+2"],
])(
  "the disk has errors, and is %s: what is acknowledged is so, what is refused says why, and it recovers",
  async (_what, injection) => {
    const known = new Set(["f1"]);
    await change(known, ["a", "b", "c", "d"], []);
    const failures: string[] = [];
    await whileFailing(["-f", "-p", String(relay.process.pid)], injection, async () => {
      for (let round = 0; round < 5; round++) {
        failures.push(...(await change(known, [`e${round}`, `g${round}`], round === 2 ? ["a", "b"] : [])));
      }
      expect(await names()).toEqual(known);
    });
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) {
      expect(failure).toMatch(
        /^store_failed .*routes\.mdb: cannot be written \(Input\/output error\); see to the disk/,
      );
    }
    await expectSessionGoesOn();
    expect(await change(known, ["h"], ["c"])).toEqual([]);
    await relay.crash();
    await relay.boot();
    expect(await names()).toEqual(known);
  },
);
