/** How the relay is: read from `status` when the metrics are asked for. */
import { type ClusterState, HOP_OUTCOMES, type Status } from "@serverless-relay/control-api";
import type { Registry } from "prom-client";
import { addReading, type Reading } from "./reading.ts";

export function addStateMetrics(registry: Registry, status: () => Status): void {
  for (const reading of readingsOf(status)) addReading(registry, reading);
}

function readingsOf(status: () => Status): Reading[] {
  const gauge = (name: string, help: string, read: Reading["read"]): Reading => ({ name, type: "gauge", help, read });
  return [
    gauge("relayd_build_info", "1; the labels say what runs.", () => [
      { value: 1, labels: { version: status().version, node: process.versions.node } },
    ]),
    gauge("relayd_draining", "1 while nobody is admitted any more.", () => (status().state === "draining" ? 1 : 0)),
    gauge("relayd_splice_kernel", "1 if bare sessions are carried by splice(2), 0 if by streams.", () =>
      status().splice === "kernel" ? 1 : 0,
    ),
    gauge(
      "relayd_config_last_reload_successful",
      "0 if the files were bad, and what was there before is in force.",
      () => (status().reload.ok ? 1 : 0),
    ),
    gauge("relayd_config_restart_needed", "1 if something was changed that only a restart takes up.", () =>
      status().reload.restart.length > 0 ? 1 : 0,
    ),
    {
      name: "relayd_config_reloads_total",
      type: "counter",
      help: "Reloads of the configuration and its files, by result.",
      read: () => {
        const { good, bad } = status().reload;
        return [
          { value: good, labels: { result: "good" } },
          { value: bad, labels: { result: "bad" } },
        ];
      },
    },
    gauge("relayd_parked", "Clients that are parked.", () => status().parked),
    gauge("relayd_sessions", "Sessions under way.", () => status().sessions.live),
    gauge("relayd_routes", "Routes, by whether they are from the configuration file.", () => {
      const { routes } = status();
      return [
        { value: routes.static, labels: { source: "static" } },
        { value: routes.dynamic, labels: { source: "dynamic" } },
      ];
    }),
    gauge("relayd_listeners", "Listeners, by whether their port could be had.", () =>
      (["up", "down"] as const).map((state) => ({
        value: status().listeners.filter((listener) => listener.state === state).length,
        labels: { state },
      })),
    ),
    gauge("relayd_cluster_nats_connected", "1 if the cluster's NATS is there; absent without a cluster.", () =>
      ofCluster(status(), ({ nats }) => (nats === "connected" ? 1 : 0)),
    ),
    gauge("relayd_cluster_seeking", "Clients parked here, whose peers are sought at other relays.", () =>
      ofCluster(status(), ({ seeking }) => seeking),
    ),
    gauge("relayd_cluster_granted", "Clients parked here, and promised to another relay that has yet to come.", () =>
      ofCluster(status(), ({ granted }) => granted),
    ),
    gauge("relayd_cluster_routes_age_seconds", "How long ago all routes of the cluster were last read.", () =>
      ofCluster(status(), ({ routesAge }) => routesAge),
    ),
    {
      name: "relayd_cluster_hops_total",
      type: "counter",
      help: "Hops that this relay made to others of its cluster, by how they ended.",
      read: () => {
        const { cluster } = status();
        return HOP_OUTCOMES.map((outcome) => ({ value: cluster?.hops[outcome] ?? 0, labels: { outcome } }));
      },
    },
    {
      name: "relayd_relayed_bytes_total",
      type: "counter",
      help: "Bytes that sessions have delivered, in both directions.",
      read: () => status().bytes,
    },
    gauge(
      "relayd_certificate_expiry_timestamp_seconds",
      "When the first certificate or CRL of this use runs out, in seconds since 1970.",
      () => firstExpiries(status()),
    ),
  ];
}

/** Nothing without a cluster. */
function ofCluster({ cluster }: Status, read: (state: ClusterState) => number) {
  return cluster === null ? [] : [{ value: read(cluster), labels: {} }];
}

/** Of each use the earliest: which file that is, `relayctl status` says. */
function firstExpiries({ certificates }: Status) {
  const first = new Map<string, number>();
  for (const { use, notAfter } of certificates) {
    const seconds = Date.parse(notAfter) / 1000;
    first.set(use, Math.min(first.get(use) ?? Number.POSITIVE_INFINITY, seconds));
  }
  return [...first].map(([use, value]) => ({ value, labels: { use } }));
}
