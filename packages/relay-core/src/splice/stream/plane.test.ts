import { describeDataPlane } from "../plane.suite.ts";
import { StreamPlane } from "./plane.ts";

describeDataPlane("stream", () => new StreamPlane());
