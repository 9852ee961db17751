import { once } from "node:events";
import { Running, until } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNoSpin, type PlainRelay, residentBytes, startPlainRelay } from "./plain-sessions.ts";

const READERS = 20;

describe.each([
  { splice: "kernel", mebibytesPerReader: 1 },
  { splice: "stream", mebibytesPerReader: 4 }, // what Node buffers, and has not collected yet
])("with splice: $splice", ({ splice, mebibytesPerReader }) => {
  let plain: PlainRelay;

  beforeAll(async () => {
    plain = await startPlainRelay(splice === "kernel" ? "21130-21139" : "21140-21149", { yaml: `splice: ${splice}` });
  });

  afterAll(() => plain.relay.stop());

  /** How much has been relayed, once that has stopped growing. */
  async function settledBytes(): Promise<number> {
    let last = -1;
    await until("everything is full", async () => {
      const { bytes } = await plain.relay.status();
      const same = bytes === last;
      last = bytes;
      await new Promise((resolve) => setTimeout(resolve, 100)); // between two looks
      return same && bytes > 0;
    });
    return last;
  }

  it(`${READERS} readers are stopped while their peers send: memory stays, and the neighbours do not notice`, async () => {
    const { pid } = plain.relay.process;
    const [near, far] = await plain.pair();
    const before = residentBytes(pid);
    const processes: Running[] = [];
    const started = (await plain.relay.status()).sessions.total;
    for (let reader = 1; reader <= READERS; reader++) {
      const sink = Running.startCommand("bash", ["-c", `exec sleep 600 3<>/dev/tcp/127.0.0.1/${plain.port}`]);
      const source = Running.startCommand("bash", ["-c", `exec cat /dev/zero >/dev/tcp/127.0.0.1/${plain.port}`]);
      processes.push(sink, source);
      await until("they are paired", async () => (await plain.relay.status()).sessions.total === started + reader);
      sink.kill("SIGSTOP");
    }
    await settledBytes();
    expect(residentBytes(pid) - before).toBeLessThan(READERS * mebibytesPerReader * (1 << 20));
    await expectNoSpin(pid);
    near.write("?");
    expect(String((await once(far, "data"))[0])).toBe("?");
    for (const process of processes) process.kill("SIGKILL");
    await Promise.all(processes.map(({ ended }) => ended));
    await until("their sessions have ended", async () => (await plain.relay.status()).sessions.live === 1);
    near.destroy();
    far.destroy();
  }, 60_000);
});
