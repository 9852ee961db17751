import * as Flags from "@oclif/core/flags";
import type { AddedRoute } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { functionName } from "../../function-name.ts";
import { optionsFrom, routeFlags } from "../../route-flags.ts";
import { listenerText, optionsText, routeText } from "../../route-text.ts";

export default class RouteAdd extends DaemonCommand {
  static override summary = "Let two functions meet.";
  static override description =
    "The route is kept across restarts of relayd. If it is there already, with the same options, nothing changes. F1 and F2 may be the same: then two instances of one function may meet. Where the configuration has listen.perRoute, the route gets a listener of its own, too: --protocol and --port (or --listen) say which.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> f1 f2",
    "<%= config.bin %> <%= command.id %> spiffe://example.org/f1 spiffe://example.org/f2",
    "<%= config.bin %> <%= command.id %> f1 f2 --listen 20000 --protocol bare",
    "<%= config.bin %> <%= command.id %> f1 f2 --once --ttl 15m",
    "<%= config.bin %> <%= command.id %> f1 f2 --wake f2=https://f2.example/",
    "<%= config.bin %> <%= command.id %> f1 f2 --max-sessions 10 --channel-limit 4 --bandwidth 10MiB/s",
  ];
  static override args = {
    f1: functionName({
      required: true,
      description: "name of a function, as in its certificate; the client if neither end asks to be",
    }),
    f2: functionName({ required: true, description: "name of the other function" }),
  };
  static override flags = {
    protocol: Flags.option({
      options: ["connect", "bare", "plain"] as const,
      summary: "What the route's own listener speaks.",
    })(),
    port: Flags.integer({
      aliases: ["listen"],
      min: 1,
      max: 65535,
      summary: "Port of the route's own listener. Default: one of the configured range.",
    }),
    ...routeFlags,
  };

  override async run(): Promise<AddedRoute> {
    const { args, flags } = await this.parse(RouteAdd);
    const { socket, protocol, port } = flags;
    const options = optionsFrom(flags, args);
    const added = await this.askDaemon(socket, (daemon) =>
      daemon.addRoute({
        ...args,
        ...(protocol !== undefined && { protocol }),
        ...(port !== undefined && { port }),
        ...options,
      }),
    );
    this.log(`route ${routeText(added.route)} ${added.created ? "added" : "exists already: nothing changed"}`);
    const told = optionsText(added.route);
    if (told.length > 0) this.log(`options: ${told.join(", ")}`);
    if (added.route.listener !== null) this.log(`listener: ${listenerText(added.route.listener)}`);
    return added;
  }
}
