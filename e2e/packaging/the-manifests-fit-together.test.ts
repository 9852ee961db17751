import { glob, mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createAuthority } from "@serverless-relay/pki";
import { RunningRelay, runCommand } from "@serverless-relay/testkit";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";

const PACKAGING = fileURLToPath(new URL("../../packaging/", import.meta.url));
const KUSTOMIZATIONS = ["kubernetes/relay", "kubernetes/cluster"];

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

interface Container {
  readonly name: string;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly securityContext: unknown;
  readonly readinessProbe?: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
}

interface Config {
  readonly listen: { readonly shared: string };
  readonly control: { readonly socket: string };
  readonly state: { readonly dir: string };
  readonly drain: { readonly timeout: string };
  readonly metrics: { readonly listen: string };
  readonly cluster?: {
    readonly advertise: string;
    readonly peerListen: string;
    readonly nats: { readonly servers: readonly string[]; readonly replicas: number };
  };
}

const text = (path: string) => readFile(join(PACKAGING, path), "utf8");
const portOf = (address: string) => Number(address.split(":").at(-1));

/** All that the kustomization of a directory names. */
async function resourcesOf(directory: string): Promise<Resource[]> {
  const { resources } = parse(await text(`${directory}/kustomization.yaml`)) as { resources: string[] };
  const texts = await Promise.all(resources.map((name) => text(`${directory}/${name}`)));
  return texts.flatMap((each) =>
    parseAllDocuments(each).map((document) => {
      expect([...document.errors, ...document.warnings]).toEqual([]);
      return document.toJS() as Resource;
    }),
  );
}

const podOf = (resource: Resource | undefined): PodSpec =>
  (resource?.spec.template as { spec: PodSpec } | undefined)?.spec as PodSpec;

describe.each(KUSTOMIZATIONS)("%s", (directory) => {
  it("names each of its files, each once", async () => {
    const { resources, configMapGenerator } = parse(await text(`${directory}/kustomization.yaml`)) as {
      resources: string[];
      configMapGenerator: { files: string[] }[];
    };
    const named = [...resources, ...configMapGenerator.flatMap(({ files }) => files), "kustomization.yaml"];
    const there: string[] = [];
    for await (const path of glob(`${PACKAGING}${directory}/*`)) there.push(basename(path));
    expect(named.toSorted()).toEqual(there.toSorted());
    const ids = (await resourcesOf(directory)).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("gives relayd the ports, the directories and the time that its configuration asks for, and no rights", async () => {
    const config = parse(await text(`${directory}/relayd.yaml`)) as Config;
    const pod = podOf(
      (await resourcesOf(directory)).find(({ metadata, spec }) => metadata.name === "relayd" && spec.template),
    );
    const [relayd] = pod.containers;
    if (relayd === undefined) throw new Error("there is no container");
    const ports = Object.fromEntries(relayd.ports?.map(({ name, containerPort }) => [name, containerPort]) ?? []);
    expect(ports).toEqual({
      functions: portOf(config.listen.shared),
      metrics: portOf(config.metrics.listen),
      ...(config.cluster && { peers: portOf(config.cluster.peerListen) }),
    });
    expect(relayd.readinessProbe?.httpGet).toEqual({ path: "/readyz", port: "metrics" });
    const writable = relayd.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
    for (const path of [config.control.socket, config.state.dir]) {
      expect(writable.some((mount) => path.startsWith(`${mount}/`))).toBe(true);
    }
    const drain = Number(/^(\d+)s$/.exec(config.drain.timeout)?.[1]);
    const grace = (relayd.lifecycle?.preStop.sleep.seconds ?? 0) + drain + 10;
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(grace);
    for (const { securityContext } of [relayd, ...(pod.initContainers ?? [])]) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
    for (const { volumeMounts } of [relayd, ...(pod.initContainers ?? [])]) {
      expect(pod.volumes.map(({ name }) => name)).toEqual(expect.arrayContaining(volumeMounts.map(({ name }) => name)));
    }
  });

  it("has services, budgets and policies of pods that there are, and of ports that they have", async () => {
    const resources = await resourcesOf(directory);
    const pods = new Map(
      resources.filter(({ spec }) => spec.template).map((each) => [each.metadata.name, podOf(each)]),
    );
    for (const { kind, spec } of resources.filter(({ spec }) => !spec.template)) {
      const labels = JSON.stringify(spec.selector ?? spec.podSelector ?? {});
      const [, pod = ""] = /"app\.kubernetes\.io\/name":"(\w+)"/.exec(labels) ?? [];
      if (labels !== "{}") expect([...pods.keys()]).toContain(pod);
      const names = pods.get(pod)?.containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name));
      const ports =
        spec.ports ?? (spec.ingress as { ports: unknown[] }[] | undefined)?.flatMap(({ ports }) => ports) ?? [];
      for (const { port, targetPort = port } of ports as { port: unknown; targetPort?: unknown }[]) {
        expect([kind, names]).toEqual([kind, expect.arrayContaining([targetPort])]);
      }
    }
  });
});

it("the relays of the cluster dial one another, and NATS, by names that there are", async () => {
  const resources = await resourcesOf("kubernetes/cluster");
  const { cluster } = parse(await text("kubernetes/cluster/relayd.yaml")) as Config;
  const services = resources.filter(({ kind, spec }) => kind === "Service" && spec.clusterIP === "None");
  const set = (name: string) =>
    resources.find(({ kind, metadata }) => kind === "StatefulSet" && metadata.name === name);
  const [relays, nats] = [set("relayd")?.spec, set("nats")?.spec];
  const [relaysName, natsName] = [String(relays?.serviceName), String(nats?.serviceName)];
  expect(services.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining([relaysName, natsName]));
  expect(cluster?.advertise).toBe(`HOSTNAME.${relaysName}:${portOf(cluster?.peerListen ?? "")}`);
  const servers = Array.from({ length: Number(nats?.replicas) }, (_, index) => `nats-${index}.${natsName}`);
  expect(cluster?.nats.servers).toEqual(servers.map((host) => `nats://${host}:4222`));
  expect(cluster?.nats.replicas).toBeLessThanOrEqual(servers.length);
  for (const host of servers) expect(await text("kubernetes/cluster/nats.conf")).toContain(`nats://${host}:6222`);
});

it.each(["container", ...KUSTOMIZATIONS])("relayd takes the configuration of %s", async (directory) => {
  const relay = await RunningRelay.prepare();
  try {
    const { authority } = relay;
    const peers = await createAuthority({ commonName: "relays" });
    const secrets = {
      tls: { authority, identity: await authority.issueRelay({ hosts: ["relay.example"] }) },
      "peer-tls": { authority: peers, identity: await peers.issueRelay({ hosts: ["relayd-0.relayd-peers"] }) },
    };
    for (const [name, { authority: issuer, identity }] of Object.entries(secrets)) {
      await mkdir(join(relay.directory, name));
      await relay.write(`${name}/tls.crt`, identity.certPem);
      await relay.write(`${name}/tls.key`, identity.keyPem);
      await relay.write(`${name}/ca.crt`, issuer.certPem);
    }
    for (const name of ["relay.pem", "relay.key", "ca.pem"]) await relay.write(`tls/${name}`, await relay.read(name));
    await relay.write("tls/crl.pem", await authority.crl({ revoked: [] }));
    const here = (await text(`${directory}/relayd.yaml`))
      .replaceAll("/etc/relayd-", `${relay.directory}/`)
      .replaceAll(/\/(?:run|var\/lib)\/relayd/g, relay.directory);
    await relay.write("relayd.yaml", here);
    expect(await relay.relayd("--check")).toEqual({
      code: 0,
      stdout: `${relay.directory}/relayd.yaml is fine\n`,
      stderr: "",
    });
  } finally {
    await relay.discard();
  }
});

it("NATS takes its configuration", async () => {
  const config = join(PACKAGING, "kubernetes/cluster/nats.conf");
  const { code, stderr } = await runCommand("nats-server", ["-t", "-c", config], { env: { POD_NAME: "nats-0" } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("is valid") });
});

it("the image starts relayd as its own bin does, and compose gives it longer than a drain takes", async () => {
  const dockerfile = await text("container/Dockerfile");
  const bin = await readFile(join(PACKAGING, "../apps/relayd/bin/relayd.js"), "utf8");
  const [, flags = ""] = /^#!.* node (.*)$/m.exec(bin) ?? [];
  const entry = ["/usr/local/bin/node", ...flags.split(" "), "/opt/relayd/bin/relayd.js"];
  expect(dockerfile).toContain(`\nENTRYPOINT ${JSON.stringify(entry).replaceAll(",", ", ")}\n`);
  const { services } = parse(await text("container/compose.yaml")) as {
    services: { relayd: { stop_grace_period: string } };
  };
  const { drain } = parse(await text("container/relayd.yaml")) as Config;
  expect(Number.parseInt(services.relayd.stop_grace_period, 10)).toBeGreaterThan(Number.parseInt(drain.timeout, 10));
});
