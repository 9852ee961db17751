import * as Flags from "@oclif/core/flags";
import type { DeletedRoute } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { functionName } from "../../function-name.ts";
import { count } from "../../quantities.ts";
import { routeText } from "../../route-text.ts";

export default class RouteDelete extends DaemonCommand {
  static override summary = "Let two functions meet no longer.";
  static override description =
    "Parked clients of the route are refused at once. Live sessions go on, unless --kill ends them, too.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> f1 f2",
    "<%= config.bin %> <%= command.id %> f1 f2 --kill",
  ];
  static override args = {
    f1: functionName({ required: true, description: "name of a function; the order of the two does not matter" }),
    f2: functionName({ required: true, description: "name of the other function" }),
  };
  static override flags = {
    kill: Flags.boolean({ summary: "End the route's live sessions." }),
  };

  override async run(): Promise<DeletedRoute> {
    const { args, flags } = await this.parse(RouteDelete);
    const deleted = await this.askDaemon(flags.socket, (daemon) =>
      daemon.deleteRoute(args.f1, args.f2, { kill: flags.kill }),
    );
    const ended = flags.kill ? `, ${count(deleted.killed, "session")} ended` : "";
    this.log(`route ${routeText(deleted.route)} deleted: ${count(deleted.refused, "parked client")} refused${ended}`);
    return deleted;
  }
}
