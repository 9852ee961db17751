/** A start that fails, at each step: whatever was opened by then is closed. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as Core from "@serverless-relay/core";
import { createAuthority } from "@serverless-relay/pki";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type * as ClusterRoom from "./cluster/cluster.ts";
import type { ClusterMaterials } from "./config/cluster-files.ts";
import { loadMaterials } from "./config/files.ts";
import { loadConfig } from "./config/load.ts";
import { Daemon } from "./daemon.ts";
import type * as LmdbStore from "./store/lmdb-route-store.ts";
import { InheritedSockets } from "./systemd/inherited.ts";
import { Notifier } from "./systemd/notifier.ts";

/** What is opened and not closed, in the order of opening; and the step that is to fail. */
const stage = vi.hoisted(() => {
  const open: string[] = [];
  const state = { open, failing: "" };
  const watched = <T extends { close(): Promise<void> }>(name: string, it: T): T => {
    const close = it.close.bind(it);
    if (!open.includes(name)) open.push(name);
    it.close = async () => {
      await close();
      if (open.includes(name)) open.splice(open.indexOf(name), 1);
    };
    return it;
  };
  const step = (name: string) => {
    if (state.failing === name) throw new Error(`planted: ${name}`);
  };
  return { ...state, watched, step, fail: (name: string) => (state.failing = name) };
});

vi.mock("./store/lmdb-route-store.ts", async (original) => {
  const real = await original<typeof LmdbStore>();
  const openLmdbRouteStore: typeof real.openLmdbRouteStore = async (...args) => {
    stage.step("store");
    return stage.watched("store", await real.openLmdbRouteStore(...args));
  };
  return { ...real, openLmdbRouteStore };
});

vi.mock("@serverless-relay/core", async (original) => {
  const real = await original<typeof Core>();
  const openDataPlane: typeof real.openDataPlane = async (...args) => {
    stage.step("plane");
    const opened = await real.openDataPlane(...args);
    return { ...opened, plane: stage.watched("plane", opened.plane) };
  };
  return { ...real, openDataPlane };
});

vi.mock("./cluster/cluster.ts", () => ({
  Cluster: {
    open: async () => {
      stage.step("cluster");
      const cluster = {
        routes: { all: () => [] },
        serve: async () => stage.step("hops"),
        close: async () => {},
      };
      return stage.watched("cluster", cluster as unknown as ClusterRoom.Cluster);
    },
  },
}));

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "relayd-daemon-"));
  const authority = await createAuthority({ commonName: "CA" });
  const { certPem, keyPem } = await authority.issueRelay({ hosts: ["relay.example"] });
  for (const [name, text] of [
    ["relay.pem", certPem],
    ["ca.pem", authority.certPem],
    ["relay.key", keyPem],
  ] as const) {
    await writeFile(join(cwd, name), text, { mode: 0o600 });
  }
});

afterEach(async () => {
  stage.fail("");
  await rm(cwd, { recursive: true });
});

async function start(port = 0): Promise<Daemon> {
  const text = `listen: { shared: 127.0.0.1:${port} }
tls: { cert: relay.pem, key: relay.key, ca: ca.pem }
control: { socket: run/relayd.sock }
state: { dir: state }
`;
  await writeFile(join(cwd, "relayd.yaml"), text);
  const loaded = await loadConfig("relayd.yaml", { cwd, env: {} });
  const materials = { ...(await loadMaterials(loaded)), cluster: {} as ClusterMaterials };
  const cluster = { tls: loaded.config.tls } as unknown as NonNullable<typeof loaded.config.cluster>;
  const log = pino({ enabled: false });
  const surroundings = { log, notifier: await Notifier.open(undefined, log), inherited: InheritedSockets.none() };
  return await Daemon.start({ ...loaded, config: { ...loaded.config, cluster } }, materials, surroundings);
}

describe("a start that fails leaves nothing open", () => {
  it.each(["store", "plane", "cluster", "hops"])("at the %s", async (step) => {
    stage.fail(step);
    await expect(start()).rejects.toThrow(`planted: ${step}`);
    expect(stage.open).toEqual([]);
  });

  it("at the shared listener, the last of all", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    await expect(start((other.address() as AddressInfo).port)).rejects.toThrow(/is taken/);
    expect(stage.open).toEqual([]);
    other.close();
  });

  it("and one that does not, all; until it is ended", async () => {
    const daemon = await start();
    expect(stage.open).toEqual(["store", "plane", "cluster"]);
    await daemon.endNow();
    expect(stage.open).toEqual([]);
  });
});
