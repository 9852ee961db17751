import { expect, it } from "vitest";
import type { Materials } from "../config/files.ts";
import { configSchema } from "../config/schema.ts";
import { changedKeys, keysForRestart } from "./changes.ts";

const MATERIALS: Materials = {
  cert: "a",
  key: "b",
  ca: "c",
  crl: ["d"],
  unlisted: [],
  digest: "",
  certificates: [],
  warnings: [],
};

function configWith(more: object = {}) {
  return configSchema.parse({
    listen: { shared: "127.0.0.1:8443" },
    tls: { cert: "relay.pem", key: "relay.key", ca: "ca.pem", crl: "crl.pem" },
    control: { socket: "relayd.sock" },
    state: { dir: "state" },
    ...more,
  });
}

const settings = (more?: object, materials: Partial<Materials> = {}) => ({
  config: configWith(more),
  materials: { ...MATERIALS, ...materials },
});

it("names what is taken up by its key, files by what is in them as well", () => {
  expect(changedKeys(settings(), settings())).toEqual([]);
  expect(changedKeys(settings(), settings({}, { crl: ["e"] }))).toEqual(["tls.crl"]);
  const changed = { log: { level: "debug" }, drain: { timeout: "5s" }, routes: [{ between: ["f1", "f2"] }] };
  expect(changedKeys(settings(), settings({ limits: { sessions: 5 }, pairing: { wait: "5s" } }))).toEqual([
    "limits.sessions",
    "pairing.wait",
  ]);
  expect(changedKeys(settings(), settings(changed, { cert: "e", key: "f" }))).toEqual([
    "drain.timeout",
    "log.level",
    "routes",
    "tls.cert",
    "tls.key",
  ]);
});

it("names files of the cluster's by what is in them, where there is a cluster before and after", () => {
  const peers = { cert: "p", key: "q", ca: "r", facts: [] };
  const renewed = { ...peers, cert: "s", key: "t" };
  const keys = changedKeys(settings({}, { cluster: peers }), settings({}, { cluster: renewed }));
  expect(keys).toEqual(["cluster.tls.cert", "cluster.tls.key"]);
  expect(changedKeys(settings(), settings({}, { cluster: peers }))).toEqual([]);
});

it("names what has to wait for a restart as it is written in the file", () => {
  expect(keysForRestart(configWith(), configWith({ routes: [{ between: ["f1", "f2"] }] }))).toEqual([]);
  const changed = {
    listen: { shared: "127.0.0.1:8444", perRoute: { ports: "20000-20009" } },
    splice: "stream",
    log: { format: "json" },
  };
  expect(keysForRestart(configWith(), configWith(changed)).toSorted()).toEqual([
    "listen.perRoute",
    "listen.shared",
    "log.format",
    "splice.mode",
  ]);
  const ports = (ports: string) => configWith({ listen: { shared: "127.0.0.1:8443", perRoute: { ports } } });
  expect(keysForRestart(ports("20000-20009"), ports("20000-20019"))).toEqual(["listen.perRoute.ports"]);
});
