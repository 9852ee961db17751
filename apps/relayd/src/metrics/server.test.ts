import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ListenError } from "../listening/listener.ts";
import { type MetricsServer, openMetricsServer } from "./server.ts";

let unready: string[];
let server: MetricsServer;
beforeEach(async () => {
  unready = [];
  server = await openMetricsServer(
    { host: "127.0.0.1", port: 0 },
    {
      metrics: { contentType: "text/plain; version=0.0.4", text: async () => "relayd_parked 1\n" },
      unready: () => unready,
      remarks: () => ["1 listener down"],
    },
  );
});
afterEach(() => server.close());

async function get(path: string, method = "GET"): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${server.address.port}${path}`, { method });
  return [response.status, await response.text()];
}

it("serves the metrics, health and readiness, and nothing else", async () => {
  expect(await get("/metrics")).toEqual([200, "relayd_parked 1\n"]);
  expect(await get("/metrics?name=x")).toEqual([200, "relayd_parked 1\n"]);
  expect(await get("/metrics", "HEAD")).toEqual([200, ""]);
  expect(await get("/healthz")).toEqual([200, "ok\n"]);
  expect(await get("/readyz")).toEqual([200, "ready\n1 listener down\n"]);
  expect(await get("/v1/routes")).toEqual([404, "there is /metrics, /healthz and /readyz\n"]);
  expect(await get("/metrics", "POST")).toEqual([405, "only GET is served here\n"]);
});

it("says why it is not ready, and is healthy all the same", async () => {
  unready = ["draining: nobody is admitted any more"];
  expect(await get("/readyz")).toEqual([503, "draining: nobody is admitted any more\n"]);
  expect(await get("/healthz")).toEqual([200, "ok\n"]);
});

it("says so if its port is taken", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const observed = { metrics: { contentType: "", text: async () => "" }, unready: () => [], remarks: () => [] };
  await expect(openMetricsServer({ host: "127.0.0.1", port }, observed)).rejects.toThrow(ListenError);
  other.close();
});
