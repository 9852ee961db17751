import { linuxTcp } from "../kernel/tcp.ts";
import { describeDataPlane } from "../plane.suite.ts";
import { StreamPlane } from "./plane.ts";

describeDataPlane("stream", () => new StreamPlane(linuxTcp));
