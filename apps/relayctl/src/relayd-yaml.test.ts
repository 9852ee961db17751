import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import { RELAYD_YAML } from "./relayd-yaml.ts";

const required = {
  listen: { shared: "127.0.0.1:8443" },
  tls: { cert: "relay.pem", key: "relay.key", ca: "ca.pem", crl: "crl.pem" },
  control: { socket: "run/relayd.sock" },
  state: { dir: "state" },
};

function read(text: string): unknown {
  const document = parseDocument(text);
  expect([...document.errors, ...document.warnings]).toEqual([]);
  return document.toJS();
}

describe("the configuration that init writes", () => {
  it("says what has to be said", () => {
    expect(read(RELAYD_YAML)).toEqual(required);
  });

  it("is well-formed with its optional parts taken out of their comments, too", () => {
    const optional = /^( *)# ((?:perRoute|pairing|routes|log): ?.*| {2}- between.*)$/gm;
    expect(read(RELAYD_YAML.replace(optional, "$1$2"))).toEqual({
      ...required,
      listen: { ...required.listen, perRoute: { host: "127.0.0.1", ports: "20000-20999" } },
      pairing: { wait: "60s", maxWait: "15m" },
      routes: [{ between: ["f1", "f2"] }],
      log: { level: "info" },
    });
  });
});
