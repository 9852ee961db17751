import { describeDataPlane } from "../plane.suite.ts";
import { KernelPlane } from "./plane.ts";

describeDataPlane("kernel", () => new KernelPlane());
describeDataPlane("kernel (three threads)", () => new KernelPlane(3));
