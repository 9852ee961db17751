import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileWatch } from "./file-watch.ts";

let dir: string;
let watch: FileWatch;
let changes = 0;
let troubles: string[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "relayd-watch-"));
  changes = 0;
  troubles = [];
  watch = new FileWatch(
    () => changes++,
    (directory) => troubles.push(directory),
  );
});

afterEach(async () => {
  watch.close();
  expect(troubles).toEqual([]);
  await rm(dir, { recursive: true });
});

const at = (...parts: string[]) => join(dir, ...parts);

/** Does it, and waits until it has been noticed, once. Then watches on, as whoever is told does. */
async function noticed(paths: readonly string[], act: () => Promise<unknown>): Promise<void> {
  const before = changes;
  await act();
  await expect.poll(() => changes, { interval: 10 }).toBe(before + 1);
  await watch.watch(paths);
}

describe("a file that is watched", () => {
  it("is noticed when it is written, replaced, removed and made again", async () => {
    await writeFile(at("crl.pem"), "old");
    const paths = [at("crl.pem")];
    await watch.watch(paths);
    await noticed(paths, () => writeFile(at("crl.pem"), "new"));
    await writeFile(at("crl.pem.tmp"), "newer"); // another name: no matter
    await noticed(paths, () => rename(at("crl.pem.tmp"), at("crl.pem")));
    await noticed(paths, () => rm(at("crl.pem")));
    await noticed(paths, () => writeFile(at("crl.pem"), "again"));
  });

  it("is noticed when a link on the way to it is turned, as in a mounted ConfigMap", async () => {
    await mkdir(at("..1"));
    await mkdir(at("..2"));
    await symlink("..1", at("..data"));
    await symlink(join("..data", "crl.pem"), at("crl.pem"));
    const paths = [at("crl.pem")];
    await writeFile(at("..1", "crl.pem"), "old");
    await writeFile(at("..2", "crl.pem"), "new");
    await watch.watch(paths);
    await noticed(paths, async () => {
      await symlink("..2", at("..data_tmp"));
      await rename(at("..data_tmp"), at("..data"));
    });
    await noticed(paths, () => writeFile(at("..2", "crl.pem"), "newer"));
  });

  it("is noticed when its directory comes, and when another one takes the place of that", async () => {
    const paths = [at("conf", "crl.pem")];
    await watch.watch(paths);
    await mkdir(at("next"));
    await writeFile(at("next", "crl.pem"), "old");
    await noticed(paths, () => rename(at("next"), at("conf")));
    await mkdir(at("later"));
    await writeFile(at("later", "crl.pem"), "new");
    await noticed(paths, async () => {
      await rename(at("conf"), at("past"));
      await rename(at("later"), at("conf"));
    });
    await noticed(paths, () => writeFile(at("conf", "crl.pem"), "newer"));
  });

  it("is told of once for a burst of changes, and its neighbours never", async () => {
    const paths = [at("relay.pem"), at("relay.key")];
    await writeFile(at("relay.pem"), "old");
    await watch.watch(paths);
    await writeFile(at("neighbour"), "no matter");
    await noticed(paths, async () => {
      for (let round = 0; round < 5; round++) {
        await writeFile(at("relay.pem"), `new ${round}`);
        await writeFile(at("relay.key"), `new ${round}`);
      }
    });
  });
});
