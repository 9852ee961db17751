import * as Flags from "@oclif/core/flags";
import type { Why as Explanation, Finding } from "@serverless-relay/control-api";
import { DaemonCommand } from "../daemon-command.ts";
import { Exit } from "../failure.ts";
import { functionName } from "../function-name.ts";
import { printable, type Styles, stylesFor } from "../styles.ts";

export default class Why extends DaemonCommand {
  static override summary = "Explain why two functions do, or do not, meet just now.";
  static override description =
    "Looks at the route, its limits and listener, at who is parked, the last refusals of the two, and the relay's own state and certificates. Exits 0 if they can meet, and 1 if something keeps them from it.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> f1 f2",
    "<%= config.bin %> <%= command.id %> f1 f2 --channel 8080",
    "<%= config.bin %> <%= command.id %> f1 f2 --json",
  ];
  static override args = {
    f1: functionName({ required: true, description: "name of a function; the order of the two does not matter" }),
    f2: functionName({ required: true, description: "name of the other function" }),
  };
  static override flags = {
    channel: Flags.string({ helpValue: "CHANNEL", summary: "Only on this channel: a port, or a Relay-Channel." }),
  };

  override async run(): Promise<Explanation> {
    const { args, flags } = await this.parse(Why);
    const { socket, channel } = flags;
    const why = await this.askDaemon(socket, (daemon) => daemon.why(args.f1, args.f2, { channel }));
    const styles = stylesFor(process.stdout, process.env);
    const names = printable(`${why.f1} and ${why.f2}`);
    this.log(styles.bold(why.canMeet ? `${names} can meet` : `${names} cannot meet just now`));
    for (const finding of why.findings) this.log(findingText(finding, styles));
    if (!why.canMeet) process.exitCode = Exit.refused;
    return why;
  }
}

function findingText({ severity, code, text }: Finding, styles: Styles): string {
  const label = severity.toUpperCase().padEnd(7);
  return `  ${severity === "info" ? label : styles.warning(label)}  ${code}: ${printable(text)}`;
}
