/** The second control socket, for those who may look: where it is, and whose. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Findings } from "./findings.ts";
import { checkSocketPath } from "./places.ts";
import type { Config } from "./schema.ts";

/** Notes what is wrong with `control.readOnlySocket` and `control.readOnlyGroup`. */
export async function checkReadOnlySocket(control: Config["control"], findings: Findings): Promise<void> {
  const { socket, readOnlySocket, readOnlyGroup } = control;
  if (readOnlySocket !== undefined) {
    const place = { keys: ["control", "readOnlySocket"], path: readOnlySocket };
    await checkSocketPath(place, findings);
    if (readOnlySocket === socket) findings.problem(place, "is the path of control.socket; choose another");
    else if (readOnlyGroup !== undefined && dirname(readOnlySocket) === dirname(socket)) {
      findings.problem(
        place,
        "is where only relayd's own user may enter, beside control.socket; choose another directory",
      );
    }
  }
  if (readOnlyGroup === undefined) return;
  const group = { keys: ["control", "readOnlyGroup"], path: readOnlyGroup };
  if (readOnlySocket === undefined)
    findings.problem(group, "has no socket; add control.readOnlySocket, or remove this");
  else if ((await groupId(readOnlyGroup)) === null) {
    findings.problem(group, "is no group of /etc/group; make it, or write the number of one");
  }
}

/** The number of a group; null if there is none of this name. */
export async function groupId(group: string): Promise<number | null> {
  if (/^[0-9]+$/.test(group)) return Number(group);
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  for (const line of groups.split("\n")) {
    const [name, , gid] = line.split(":");
    if (name === group) return Number(gid);
  }
  return null;
}
