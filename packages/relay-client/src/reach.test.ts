import { createServer } from "node:net";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.test-support.ts";
import { close, type FakeRelay, listen, startFakeRelay } from "./fake-relay.test-support.ts";
import { type ConnectOptions, reachRelay } from "./index.ts";

let certificates: Certificates;
let relay: FakeRelay;
/** requests that came */
const asked: string[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(async () => {
  relay = await startFakeRelay(certificates.relay, ({ line }) => void asked.push(line));
});

afterEach(() => relay.close());

async function reach(port: number, options: Partial<ConnectOptions> = {}): Promise<void> {
  return reachRelay({ relay: `127.0.0.1:${port}`, peer: "f2", identity: certificates.f1, timeout: 4_000, ...options });
}

/** How many of those who came have not hung up. */
const listening = (): number => [...relay.open].filter(({ readableEnded }) => !readableEnded).length;

it("a relay that is there is reached, asked for nobody, and hung up on", async () => {
  await reach(relay.port);
  await expect.poll(listening).toBe(0);
  expect(asked).toEqual([]);
});

it("one that is not there, is another, or says nothing, is told apart", async () => {
  const silent = createServer((socket) => socket.on("error", () => {}).resume());
  const port = await listen(silent);
  await expect(reach(port, { timeout: 100 })).rejects.toMatchObject({ name: "RelayTimeout" });
  await close(silent, new Set());
  await expect(reach(port)).rejects.toMatchObject({ name: "RelayUnreachable" });
  await expect(reach(relay.port, { servername: "elsewhere" })).rejects.toMatchObject({ name: "RelayNotVerified" });
  await expect.poll(listening).toBe(0);
});
