/** What is done to bring the one that is missing. */
import type { Finding } from "@serverless-relay/control-api";
import { spanText, type WhyFacts } from "./facts.ts";

type Wake = WhyFacts["wakes"][number];

/** A route may have thousands of channels, and each of them somebody who waits. */
const MOST = 5;

export function wakeFindings({ channel, wakes, now }: WhyFacts): Finding[] {
  const here = wakes.filter((it) => channel === null || it.channel === channel);
  const found = here.slice(0, MOST).map((it) => findingOf(it, now));
  if (here.length <= MOST) return found;
  const text = `and ${here.length - MOST} functions more are being woken, on other channels`;
  return [...found, { code: "waking", severity: "info", text }];
}

function findingOf(wake: Wake, now: number): Finding {
  const { name, channel, since, requests, asking, last, nextAt } = wake;
  const said = `${name} is being woken on channel ${channel}, for ${spanText(now - since)}; requests so far: ${requests}`;
  const next = asking ? "one is under way" : nextAt === null ? null : `the next in ${spanText(nextAt - now)}`;
  const failed = last !== null && last.outcome !== "accepted";
  const text = [said, last === null ? null : `the last one: ${lastText(last)}`, next].filter((it) => it !== null);
  return { code: failed ? "wake_failed" : "waking", severity: failed ? "warning" : "info", text: text.join("; ") };
}

function lastText({ outcome, status, detail }: NonNullable<Wake["last"]>): string {
  const more = [status === undefined ? [] : `${status}`, detail === undefined ? [] : detail].flat();
  return `${outcome}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
}
