/** One picture of `relayctl top`: text in, lines out, none wider than the terminal. */
import type { Parked, Session, Status } from "@serverless-relay/control-api";
import { formatBytes, formatDuration } from "../quantities.ts";
import { ageText, bytesOf, endsText, transportText } from "../session-text.ts";
import { printable, type Styles } from "../styles.ts";
import { type Column, formatTable } from "../table.ts";

export const ORDERS = ["rate", "bytes", "age"] as const;
export type Order = (typeof ORDERS)[number];

/** What relayd said at one moment. */
export interface Sample {
  /** Date.now() */
  readonly at: number;
  readonly status: Status;
  readonly sessions: readonly Session[];
  readonly parked: readonly Parked[];
}

export interface Picture {
  readonly sample: Sample;
  /** the one before, for rates; null at first */
  readonly before: Sample | null;
  readonly order: Order;
  readonly paused: boolean;
  readonly columns: number;
  /** lines that there is room for */
  readonly rows: number;
}

const SESSION_COLUMNS: readonly Column[] = [
  { header: "CLIENT -> SERVER" },
  { header: "CHANNEL" },
  { header: "TRANSPORT" },
  { header: "AGE", align: "right" },
  { header: "BYTES", align: "right" },
  { header: "RATE", align: "right" },
];

const PARKED_COLUMNS: readonly Column[] = [
  { header: "PARKED" },
  { header: "WAITS FOR" },
  { header: "CHANNEL" },
  { header: "AGE", align: "right" },
];

export function drawFrame(picture: Picture, styles: Styles): string[] {
  const { rows, columns } = picture;
  const head = headOf(picture, styles);
  const sessions = sessionLines(picture, styles);
  const parked = parkedLines(picture, styles);
  // The parked have a third of what is left, or more if the sessions do not need it.
  const room = Math.max(0, rows - head.length - 1);
  const forSessions = Math.min(sessions.length, Math.max(room - parked.length, Math.ceil((room * 2) / 3)));
  const lines = [...head, ...sessions.slice(0, forSessions), "", ...parked.slice(0, room - forSessions)];
  return lines.slice(0, rows).map((line) => cut(line, columns));
}

function headOf({ sample: { status }, before, order, paused, sample }: Picture, styles: Styles): string[] {
  const { version, state, uptimeSeconds, sessions, parked, admitted, bytes } = status;
  const seconds = before === null ? 0 : (sample.at - before.at) / 1000;
  const perSecond = (now: number, then: number | undefined) =>
    before === null || then === undefined || seconds <= 0 ? "" : `, ${Math.round((now - then) / seconds)}/s`;
  const rate =
    before === null ? "" : `, ${formatBytes(Math.round(perSecondOf(bytes, before.status.bytes, seconds)))}/s`;
  return [
    styles.bold(`relayd ${version} ${state}, up ${formatDuration(uptimeSeconds)}${paused ? "   PAUSED" : ""}`),
    `sessions ${sessions.live}   parked ${parked}   admitted ${admitted}${perSecond(admitted, before?.status.admitted)}   relayed ${formatBytes(bytes)}${rate}`,
    `by ${order}; keys: r rate, b bytes, a age, space pause, q quit`,
    "",
  ];
}

function perSecondOf(now: number, then: number, seconds: number): number {
  return seconds <= 0 ? 0 : Math.max(0, now - then) / seconds;
}

function sessionLines({ sample, before, order }: Picture, styles: Styles): string[] {
  const bytesBefore = new Map(before?.sessions.map((session) => [session.id, bytesOf(session)]));
  const seconds = before === null ? 0 : (sample.at - before.at) / 1000;
  const rated = sample.sessions.map((session) => ({
    session,
    rate: perSecondOf(bytesOf(session), bytesBefore.get(session.id) ?? bytesOf(session), seconds),
  }));
  const by = {
    rate: (a: (typeof rated)[0], b: (typeof rated)[0]) => b.rate - a.rate,
    bytes: (a: (typeof rated)[0], b: (typeof rated)[0]) => bytesOf(b.session) - bytesOf(a.session),
    age: (a: (typeof rated)[0], b: (typeof rated)[0]) =>
      Date.parse(a.session.startedAt) - Date.parse(b.session.startedAt),
  };
  const cells = rated
    .toSorted(by[order])
    .map(({ session, rate }) => [
      endsText(session),
      session.channel,
      transportText(session),
      ageText(session.startedAt, sample.at),
      formatBytes(bytesOf(session)),
      `${formatBytes(Math.round(rate))}/s`,
    ]);
  return formatTable(SESSION_COLUMNS, cells, styles);
}

/** Who has waited longest is first. */
function parkedLines({ sample }: Picture, styles: Styles): string[] {
  const cells = sample.parked
    .toSorted((a, b) => Date.parse(a.parkedAt) - Date.parse(b.parkedAt))
    .map(({ name, peer, channel, parkedAt, address }) => [
      printable(name ?? address),
      printable(peer ?? ""),
      channel,
      ageText(parkedAt, sample.at),
    ]);
  return formatTable(PARKED_COLUMNS, cells, styles);
}

const ESCAPE = "\u001b";
/** What styles.ts writes. */
const EMPHASIS = new RegExp(`(${ESCAPE}\\[[0-9]+m)`);

/** Emphasis takes no room, and must not be cut in two. */
function cut(line: string, columns: number): string {
  let shown = 0;
  let out = "";
  for (const part of line.split(EMPHASIS)) {
    if (part.startsWith(ESCAPE)) out += part;
    else {
      out += part.slice(0, Math.max(0, columns - shown));
      shown += part.length;
    }
  }
  return out;
}
