import { chown, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Finished, meet, RunningRelay, runCommand } from "@serverless-relay/testkit";
import { afterEach, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
/** nobody, on Debian; and somebody else */
const [NOBODY, OTHER] = [65_534, 65_533];

/**
 * Runs what follows as nobody, where nothing but the working directory can be written to. The checkout is put at /mnt: it may be
 * below a directory that nobody may not enter.
 */
const CONFINE = `set -e
root="${ROOT}"
mount --bind "$PWD" "$PWD"
mount --bind "$root" /mnt
mount -o remount,bind,ro /mnt
mount -o remount,bind,ro /
cd "$PWD"
exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups --no-new-privs -- "\${@/#"$root"//mnt}"`;

let relay: RunningRelay;
afterEach(() => relay.finish());

function curlAs(uid: number): Promise<Finished> {
  const url = "http://relayd/v1/status";
  const curl = ["curl", "--silent", "--show-error", "--unix-socket", relay.socket, url];
  return runCommand("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...curl]);
}

const DENIED = { code: 7, stdout: "" }; // curl: could not connect

async function give(directory: string, uid: number): Promise<void> {
  await chown(directory, uid, uid);
  for (const name of await readdir(directory)) await chown(join(directory, name), uid, uid);
}

it("as nobody, with nothing to write to but a directory of its own", async () => {
  relay = await RunningRelay.prepare({ under: ["unshare", "--mount", "bash", "-c", CONFINE, "bash"] });
  await give(relay.directory, NOBODY);
  await relay.boot();
  const process = `/proc/${relay.process.pid}`;
  expect(await readFile(`${process}/status`, "utf8")).toMatch(
    new RegExp(`^Uid:\t${NOBODY}\t${NOBODY}\t[^]*^CapEff:\t0+$`, "m"),
  );
  expect(await readFile(`${process}/mountinfo`, "utf8")).toMatch(/^\d+ \d+ \S+ \S+ \/ ro\b/m);

  expect(await relay.control.addRoute({ f1: "f1", f2: "f2" })).toMatchObject({ created: true });
  const [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
  const { ends } = await meet(relay, f1, f2);
  ends[0].stream.end("unprivileged");
  expect(await ends[1].rest()).toBe("unprivileged");
  for (const end of ends) end.destroy();

  expect(await curlAs(NOBODY)).toMatchObject({ code: 0, stdout: expect.stringContaining('"state":"running"') });
  expect(await curlAs(OTHER)).toMatchObject(DENIED);
});

it("nobody may not open the control socket of another's", async () => {
  relay = await RunningRelay.start();
  expect(await curlAs(NOBODY)).toMatchObject(DENIED);
  expect(await curlAs(0)).toMatchObject({ code: 0 });
});
