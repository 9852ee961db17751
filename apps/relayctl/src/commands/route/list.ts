import type { Route, RouteList as Routes } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { listenerText, optionsText, routeText } from "../../route-text.ts";
import { stylesFor } from "../../styles.ts";
import { type Column, formatTable } from "../../table.ts";

const COLUMNS: readonly Column[] = [
  { header: "ROUTE" },
  { header: "SOURCE" },
  { header: "PARKED", align: "right" },
  { header: "SESSIONS", align: "right" },
  { header: "LISTENER" },
  { header: "OPTIONS" },
];

export default class RouteList extends DaemonCommand {
  static override summary = "List the routes.";
  static override examples = ["<%= config.bin %> <%= command.id %>", "<%= config.bin %> <%= command.id %> --json"];

  override async run(): Promise<Routes> {
    const { flags } = await this.parse(RouteList);
    const routes = await this.askDaemon(flags.socket, (daemon) => daemon.listRoutes());
    if (routes.length === 0) this.log("no routes; add one: relayctl route add F1 F2");
    else this.log(formatTable(COLUMNS, routes.map(cells), stylesFor(process.stdout, process.env)).join("\n"));
    return { routes };
  }
}

function cells(route: Route): string[] {
  const { source, parked, sessions, listener } = route;
  const own = listener === null ? "-" : listenerText(listener);
  return [routeText(route), source, `${parked}`, `${sessions}`, own, optionsText(route).join(", ") || "-"];
}
