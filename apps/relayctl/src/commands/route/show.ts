import type { Route } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { functionName } from "../../function-name.ts";
import { describeRoute } from "../../route-text.ts";
import { stylesFor } from "../../styles.ts";

export default class RouteShow extends DaemonCommand {
  static override summary = "Show a route: its options, its listener, who is there.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> f1 f2",
    "<%= config.bin %> <%= command.id %> f1 f2 --json",
  ];
  static override args = {
    f1: functionName({ required: true, description: "name of a function; the order of the two does not matter" }),
    f2: functionName({ required: true, description: "name of the other function" }),
  };

  override async run(): Promise<Route> {
    const { args, flags } = await this.parse(RouteShow);
    const route = await this.askDaemon(flags.socket, (daemon) => daemon.getRoute(args.f1, args.f2));
    this.log(describeRoute(route, stylesFor(process.stdout, process.env)).join("\n"));
    return route;
  }
}
