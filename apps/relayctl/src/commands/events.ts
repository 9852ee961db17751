import * as Flags from "@oclif/core/flags";
import type { ControlEvent } from "@serverless-relay/control-api";
import { EVENT_KINDS, STREAM_ENDED } from "@serverless-relay/control-api/event-kinds";
import { DaemonCommand } from "../daemon-command.ts";
import { concernOf, eventText } from "../event-text.ts";
import { CommandFailed, Exit } from "../failure.ts";
import { isSelected, selectionFlags, selectionOf } from "../selection.ts";
import { enough, writeLine } from "../stdout.ts";
import { stylesFor } from "../styles.ts";

export default class Events extends DaemonCommand {
  static override summary = "Follow what happens, as it happens, until Ctrl-C.";
  static override description =
    "With --json, one object a line. Times are those of relayd's clock, shown in this machine's time zone. Exits 69 if relayd stops or breaks off, and says so.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> --route f1 f2 --kind paired,ended",
    "<%= config.bin %> <%= command.id %> --kind refused --json | head -n 1",
  ];
  static override flags = {
    ...selectionFlags,
    kind: Flags.option({
      options: EVENT_KINDS,
      multiple: true,
      delimiter: ",",
      summary: "Only these kinds; several are separated by commas.",
    })(),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Events);
    const selection = selectionOf(flags);
    const styles = stylesFor(process.stdout, process.env);
    const json = this.jsonEnabled();
    const kinds: readonly string[] | undefined = flags.kind;
    const stop = enough();
    const opened = () => {
      if (!json) this.logToStderr("following what happens; Ctrl-C ends it");
    };
    let last: ControlEvent | undefined;
    await this.askDaemon(flags.socket, async (daemon) => {
      for await (const event of daemon.events({ signal: stop, opened })) {
        last = event;
        if (event.event === STREAM_ENDED || kinds?.includes(event.event) === false) continue;
        if (!isSelected(selection, concernOf(event))) continue;
        if (!(await writeLine(json ? JSON.stringify(event) : eventText(event, styles), stop))) return;
      }
    });
    if (!stop.aborted) throw ended(last);
  }
}

function ended(last: ControlEvent | undefined): CommandFailed {
  const why = last?.event === STREAM_ENDED && typeof last.message === "string" ? last.message : "it did not say why";
  return new CommandFailed(STREAM_ENDED, `relayd ended the stream of events: ${why}`, Exit.unreachable);
}
