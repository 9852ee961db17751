/** The commands by their ids, as oclif wants them. All are loaded at every start: what is heavy is imported where it is used. */
import CertIssue from "./cert/issue.ts";
import Init from "./init.ts";
import RouteAdd from "./route/add.ts";
import RouteDelete from "./route/delete.ts";
import RouteList from "./route/list.ts";
import RouteShow from "./route/show.ts";
import Status from "./status.ts";

export default {
  "cert:issue": CertIssue,
  init: Init,
  "route:add": RouteAdd,
  "route:delete": RouteDelete,
  "route:list": RouteList,
  "route:show": RouteShow,
  status: Status,
};
