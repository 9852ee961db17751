import { describeDataPlane } from "./plane.suite.ts";
import { StreamPlane } from "./stream-plane.ts";

describeDataPlane("stream", () => new StreamPlane());
