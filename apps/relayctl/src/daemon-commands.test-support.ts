/** All commands that talk to relayd, with arguments that they take: a new one is missed in the tests, until it is here. */
import commands from "./commands/index.ts";
import { DaemonCommand } from "./daemon-command.ts";

/** By id. The words that stand behind the command. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  "cluster:status": "",
  drain: "--timeout 1s",
  events: "",
  "config:check": "",
  reload: "",
  "log:level": "debug",
  "parked:list": "",
  "route:add": "f1 f2",
  "route:delete": "f1 f2",
  "route:list": "",
  "route:show": "f1 f2",
  "session:kill": "aa",
  "session:list": "",
  "session:show": "aa",
  status: "",
  top: "",
  why: "f1 f2",
};

/** Command lines: "route add f1 f2". Throws if one of the commands has no arguments in here. */
export function daemonCommandLines(): string[] {
  return Object.entries(commands)
    .filter(([, command]) => command.prototype instanceof DaemonCommand)
    .map(([id]) => {
      const words = ARGUMENTS[id];
      if (words === undefined) throw new Error(`${id} talks to relayd: say in ARGUMENTS how it is called`);
      return `${id.replaceAll(":", " ")} ${words}`.trim();
    });
}
