import * as Flags from "@oclif/core/flags";
import type { ParkedList as AllParked, Parked } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { formatDuration } from "../../quantities.ts";
import { isSelected, selectionFlags, selectionOf } from "../../selection.ts";
import { ageText } from "../../session-text.ts";
import { stylesFor } from "../../styles.ts";
import { type Column, formatTable } from "../../table.ts";

const COLUMNS: readonly Column[] = [
  { header: "FUNCTION" },
  { header: "WAITS FOR" },
  { header: "CHANNEL" },
  { header: "TRANSPORT" },
  { header: "ROLE" },
  { header: "SINCE", align: "right" },
  { header: "LEFT", align: "right" },
  { header: "ADDRESS" },
];

const ORDERS: Readonly<Record<"age" | "left" | "route", (a: Parked, b: Parked) => number>> = {
  age: (a, b) => Date.parse(a.parkedAt) - Date.parse(b.parkedAt),
  left: (a, b) => Date.parse(a.deadline) - Date.parse(b.deadline),
  route: (a, b) => namesText(a).localeCompare(namesText(b)),
};

export default class ParkedList extends DaemonCommand {
  static override summary = "List who is parked: admitted, and waiting for its peer.";
  static override description =
    "LEFT is how long it will wait yet. ROLE is the side of the inner TLS that it asked for; two that ask for the same do not meet.";
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> --function f1 --sort left",
    "<%= config.bin %> <%= command.id %> --route f1 f2 --json",
  ];
  static override flags = {
    ...selectionFlags,
    sort: Flags.option({
      options: ["age", "left", "route"] as const,
      default: "age",
      summary: "By age, the oldest first; by the time left, the shortest first; or by names.",
    })(),
  };

  override async run(): Promise<AllParked> {
    const { flags } = await this.parse(ParkedList);
    const selection = selectionOf(flags);
    const all = await this.askDaemon(flags.socket, (daemon) => daemon.listParked());
    const parked = all.filter((it) => isSelected(selection, concernOf(it))).toSorted(ORDERS[flags.sort]);
    if (parked.length === 0) this.log("nobody is parked");
    else this.log(formatTable(COLUMNS, parked.map(cells), stylesFor(process.stdout, process.env)).join("\n"));
    return { parked };
  }
}

function concernOf({ name, peer, route }: Parked) {
  return { names: [name, peer], route: [route.f1, route.f2] } as const;
}

function namesText({ name, peer, route }: Parked): string {
  return `${name ?? route.f1} ${peer ?? route.f2}`;
}

function cells({ name, peer, channel, transport, role, address, parkedAt, deadline }: Parked): string[] {
  const now = Date.now();
  const left = formatDuration(Math.max(0, Date.parse(deadline) - now) / 1000);
  return [name ?? "-", peer ?? "-", channel, transport, role ?? "-", ageText(parkedAt, now), left, address];
}
