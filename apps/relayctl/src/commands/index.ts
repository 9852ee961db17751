/** The commands by their ids, as oclif wants them. All are loaded at every start: what is heavy is imported where it is used. */
import CertIssue from "./cert/issue.ts";
import CertList from "./cert/list.ts";
import CertRevoke from "./cert/revoke.ts";
import ClusterStatus from "./cluster/status.ts";
import Completion from "./completion.ts";
import ConfigCheck from "./config/check.ts";
import Drain from "./drain.ts";
import Events from "./events.ts";
import Init from "./init.ts";
import LogLevel from "./log/level.ts";
import ParkedList from "./parked/list.ts";
import Reload from "./reload.ts";
import RouteAdd from "./route/add.ts";
import RouteDelete from "./route/delete.ts";
import RouteList from "./route/list.ts";
import RouteShow from "./route/show.ts";
import SessionKill from "./session/kill.ts";
import SessionList from "./session/list.ts";
import SessionShow from "./session/show.ts";
import Status from "./status.ts";
import Top from "./top.ts";
import Why from "./why.ts";

export default {
  "cert:issue": CertIssue,
  "cert:list": CertList,
  "cert:revoke": CertRevoke,
  "cluster:status": ClusterStatus,
  completion: Completion,
  drain: Drain,
  events: Events,
  "config:check": ConfigCheck,
  init: Init,
  "log:level": LogLevel,
  "parked:list": ParkedList,
  reload: Reload,
  "route:add": RouteAdd,
  "route:delete": RouteDelete,
  "route:list": RouteList,
  "route:show": RouteShow,
  "session:kill": SessionKill,
  "session:list": SessionList,
  "session:show": SessionShow,
  status: Status,
  top: Top,
  why: Why,
};
