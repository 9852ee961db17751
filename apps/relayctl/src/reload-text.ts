/** What a reload did, or would do, in words. */
import type { ReloadResult } from "@serverless-relay/control-api";
import { count } from "./quantities.ts";
import { waitsForRestart } from "./status-text.ts";
import { printable } from "./styles.ts";

/** One string a line. `lead` comes before the keys that were, or would be, changed. */
export function describeReload({ changed, restart, warnings, refused, ended }: ReloadResult, lead: string): string[] {
  const turnedAway = [
    ...(refused > 0 ? [`${count(refused, "parked connection")} refused`] : []),
    ...(ended > 0 ? [`${count(ended, "session")} ended`] : []),
  ];
  return [
    changed.length === 0 ? "good; nothing differs from what is in force" : `${lead}: ${changed.join(", ")}`,
    ...(turnedAway.length === 0 ? [] : [turnedAway.join(", ")]),
    ...(restart.length === 0 ? [] : [waitsForRestart(restart)]),
    ...warnings.map((warning) => `warning: ${warning}`),
  ].map(printable);
}
