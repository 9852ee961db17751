import { createMemoryRouteStore } from "./memory-route-store.ts";
import { describeRouteStore } from "./route-store.suite.ts";

describeRouteStore("memory", async () => createMemoryRouteStore());
