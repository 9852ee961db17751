/** Each command by itself: relayctl is started for one, and the others' code is most of what index.ts would load. */
import type { Command } from "@oclif/core/command";
import type commands from "./index.ts";

/** completion tells of all commands, and therefore is started as help is. */
type Loadable = Exclude<keyof typeof commands, "completion">;

export const LOADERS: Readonly<Record<Loadable, () => Promise<{ readonly default: Command.Class }>>> = {
  "cert:issue": () => import("./cert/issue.ts"),
  "cert:list": () => import("./cert/list.ts"),
  "cert:revoke": () => import("./cert/revoke.ts"),
  "cluster:status": () => import("./cluster/status.ts"),
  drain: () => import("./drain.ts"),
  events: () => import("./events.ts"),
  "config:check": () => import("./config/check.ts"),
  init: () => import("./init.ts"),
  "log:level": () => import("./log/level.ts"),
  "parked:list": () => import("./parked/list.ts"),
  reload: () => import("./reload.ts"),
  "route:add": () => import("./route/add.ts"),
  "route:delete": () => import("./route/delete.ts"),
  "route:list": () => import("./route/list.ts"),
  "route:show": () => import("./route/show.ts"),
  "session:kill": () => import("./session/kill.ts"),
  "session:list": () => import("./session/list.ts"),
  "session:show": () => import("./session/show.ts"),
  status: () => import("./status.ts"),
  top: () => import("./top.ts"),
  why: () => import("./why.ts"),
};
