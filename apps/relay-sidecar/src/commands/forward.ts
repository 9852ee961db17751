import * as Flags from "@oclif/core/flags";
import { formatEndpoint } from "../endpoint.ts";
import { Exit, Failure } from "../failure.ts";
import { endpointFlag } from "../flags.ts";
import { Forward } from "../forward.ts";
import { runToEnd } from "../lifecycle.ts";
import { createLogger } from "../log.ts";
import { DEFAULTS, lifecycleOf, relayOptions, SidecarCommand } from "../sidecar-command.ts";
import { forwardStdio } from "../stdio.ts";

export default class ForwardCommand extends SidecarCommand {
  static override summary = "Let programs here connect to a peer, as if it listened here.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> --peer f2 --listen 127.0.0.1:15432",
    "<%= config.bin %> <%= command.id %> --peer f2 --listen unix:/run/f2.sock",
    "ssh -o ProxyCommand='<%= config.bin %> <%= command.id %> --peer f2 --stdio' f2",
  ];
  static override flags = {
    peer: Flags.string({
      required: true,
      env: "RELAY_PEER",
      helpValue: "NAME",
      summary: "The function to connect to.",
    }),
    listen: endpointFlag("listen", {
      summary: "Where programs are to connect: HOST:PORT, port 0 for any free one, or unix:PATH.",
      env: "SIDECAR_LISTEN",
    }),
    stdio: Flags.boolean({ summary: "Carry standard input and output, one connection: a ProxyCommand of ssh." }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(ForwardCommand);
    const options = relayOptions(flags, flags.peer);
    if (flags.stdio) {
      await forwardStdio(options, createLogger(flags["log-level"] ?? "silent"));
      return;
    }
    if (flags.listen === undefined) throw new Failure("--listen or --stdio is missing; say where from", Exit.usage);
    const log = createLogger(flags["log-level"] ?? DEFAULTS.logLevel);
    const { "max-connections": maxConnections = DEFAULTS.maxConnections } = flags;
    const side = await Forward.open(flags.listen, options, maxConnections, log);
    log.info({ peer: flags.peer, listen: formatEndpoint(side.endpoint) }, "listening");
    await runToEnd(side, lifecycleOf(flags), log);
  }
}
