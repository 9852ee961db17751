import type { Cluster, ClusterRelay } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { formatDuration } from "../../quantities.ts";
import { ageText } from "../../session-text.ts";
import { stylesFor } from "../../styles.ts";
import { type Column, formatTable } from "../../table.ts";

const COLUMNS: readonly Column[] = [
  { header: "RELAY" },
  { header: "VERSION" },
  { header: "STATE" },
  { header: "UP", align: "right" },
  { header: "PARKED", align: "right" },
  { header: "SESSIONS", align: "right" },
  { header: "ROUTES", align: "right" },
  { header: "READ", align: "right" },
];

export default class ClusterStatus extends DaemonCommand {
  static override summary = "List the relays of the cluster.";
  static override description =
    "Asks all of them, by way of NATS; one that does not answer at once is not listed. READ: how long ago it last read all routes, besides following every change.";
  static override examples = ["<%= config.bin %> <%= command.id %>", "<%= config.bin %> <%= command.id %> --json"];

  override async run(): Promise<Cluster> {
    const { flags } = await this.parse(ClusterStatus);
    const answer = await this.askDaemon(flags.socket, (daemon) => daemon.cluster());
    const styles = stylesFor(process.stdout, process.env);
    const { name, nats } = answer.cluster;
    if (nats === "away") this.log(styles.warning("WARNING: NATS is away: only functions at the same relay meet"));
    this.log(styles.bold(`cluster ${name}`));
    this.log(formatTable(COLUMNS, answer.relays.map(cells), styles).join("\n"));
    return answer;
  }
}

function cells({ address, version, state, startedAt, parked, sessions, routes, routesAge }: ClusterRelay): string[] {
  const age = ageText(startedAt, Date.now());
  return [address, version, state, age, `${parked}`, `${sessions}`, `${routes}`, formatDuration(routesAge)];
}
