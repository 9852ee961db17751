import { describeDataPlane } from "../plane.suite.ts";
import { KernelPlane } from "./plane.ts";

describeDataPlane("kernel", () => new KernelPlane({ threads: 1, pipes: 100 }));
describeDataPlane("kernel (three threads)", () => new KernelPlane({ threads: 3, pipes: 100 }));
describeDataPlane("kernel (out of pipes)", () => new KernelPlane({ threads: 1, pipes: 0 }));
