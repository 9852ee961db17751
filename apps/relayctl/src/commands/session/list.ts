import * as Flags from "@oclif/core/flags";
import type { Session, SessionList as Sessions } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { formatBytes } from "../../quantities.ts";
import { isSelected, selectionFlags, selectionOf } from "../../selection.ts";
import { ageText, bytesOf, endsText, transportText } from "../../session-text.ts";
import { stylesFor } from "../../styles.ts";
import { type Column, formatTable } from "../../table.ts";

const COLUMNS: readonly Column[] = [
  { header: "SESSION" },
  { header: "CLIENT -> SERVER" },
  { header: "CHANNEL" },
  { header: "TRANSPORT" },
  { header: "AGE", align: "right" },
  { header: "BYTES", align: "right" },
];

const ORDERS: Readonly<Record<"age" | "bytes" | "route", (a: Session, b: Session) => number>> = {
  age: (a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt),
  bytes: (a, b) => bytesOf(b) - bytesOf(a),
  route: (a, b) => endsText(a).localeCompare(endsText(b)),
};

export default class SessionList extends DaemonCommand {
  static override summary = "List the sessions under way.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> --route f1 f2 --sort bytes",
    "<%= config.bin %> <%= command.id %> --function f1 --json",
  ];
  static override flags = {
    ...selectionFlags,
    sort: Flags.option({
      options: ["age", "bytes", "route"] as const,
      default: "age",
      summary: "By age, the oldest first; by bytes, the most first; or by names.",
    })(),
  };

  override async run(): Promise<Sessions> {
    const { flags } = await this.parse(SessionList);
    const selection = selectionOf(flags);
    const all = await this.askDaemon(flags.socket, (daemon) => daemon.listSessions());
    const sessions = all.filter((it) => isSelected(selection, concernOf(it))).toSorted(ORDERS[flags.sort]);
    if (sessions.length === 0) this.log("no sessions");
    else this.log(formatTable(COLUMNS, sessions.map(cells), stylesFor(process.stdout, process.env)).join("\n"));
    return { sessions };
  }
}

function concernOf({ ends, route }: Session) {
  return { names: ends.map(({ name }) => name), route: [route.f1, route.f2] } as const;
}

function cells(session: Session): string[] {
  const { id, channel, startedAt } = session;
  const age = ageText(startedAt, Date.now());
  return [id, endsText(session), channel, transportText(session), age, formatBytes(bytesOf(session))];
}
