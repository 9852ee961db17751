import * as Flags from "@oclif/core/flags";
import { Exposure } from "../expose.ts";
import { Exit, Failure } from "../failure.ts";
import { countFlag, durationFlag, endpointFlag } from "../flags.ts";
import { runToEnd } from "../lifecycle.ts";
import { createLogger } from "../log.ts";
import { DEFAULTS, lifecycleOf, relayOptions, SidecarCommand } from "../sidecar-command.ts";

const BACKLOG = 8;
const TARGET_TIMEOUT_MS = 10_000;

export default class Expose extends SidecarCommand {
  static override summary = "Let peers connect to a program that listens here.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> --peer f1 --to 127.0.0.1:5432",
    "<%= config.bin %> <%= command.id %> --peer f1 --peer f3 --to unix:/run/app.sock --health 127.0.0.1:9101",
  ];
  static override flags = {
    peer: Flags.string({
      multiple: true,
      required: true,
      env: "RELAY_PEER",
      helpValue: "NAME",
      summary: "The function that may connect; may be given several times.",
    }),
    to: endpointFlag("to", { summary: "Where the program listens: HOST:PORT or unix:PATH.", env: "SIDECAR_TO" }),
    backlog: countFlag("backlog", {
      summary: `So many connections are kept parked at the relay for each peer. Default: ${BACKLOG}.`,
      env: "SIDECAR_BACKLOG",
    }),
    "target-timeout": durationFlag("target-timeout", {
      summary: "How long the program may take to accept a connection. Default: 10s.",
      env: "SIDECAR_TARGET_TIMEOUT",
    }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Expose);
    if (flags.to === undefined) throw new Failure("--to is missing; say where the program listens", Exit.usage);
    const { backlog = BACKLOG, "max-connections": maxConnections = DEFAULTS.maxConnections } = flags;
    // Given by the environment, it is not a list.
    const peers = [flags.peer].flat().map((peer) => ({ ...relayOptions(flags, peer), backlog, maxConnections }));
    const log = createLogger(flags["log-level"] ?? DEFAULTS.logLevel);
    const target = { endpoint: flags.to, timeoutMs: flags["target-timeout"] ?? TARGET_TIMEOUT_MS };
    await runToEnd(new Exposure(peers, target, log), lifecycleOf(flags), log);
  }
}
