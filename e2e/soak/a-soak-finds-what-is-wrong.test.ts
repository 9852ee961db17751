import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomNumbers, runCommand } from "@serverless-relay/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { growthOf } from "./footprint.ts";
import { figuresOf, LONG_FORMS } from "./long-forms.ts";
import { NativeEnds } from "./native.ts";

let ends: NativeEnds;
let server: Server | null = null;

beforeAll(async () => {
  ends = await NativeEnds.compile();
});

afterAll(() => ends.discard());

afterEach(() => {
  server?.close();
  server = null;
});

/** Pairs whoever comes next, like a plain listener; `spoil` may do as it likes to what the first of the two sends. */
async function badRelay(spoil: (bytes: Buffer, from: Socket, to: Socket) => void): Promise<number> {
  let waiting: Socket | null = null;
  const relay = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    if (waiting === null) {
      waiting = socket;
      return;
    }
    const [first, second] = [waiting, socket];
    waiting = null;
    first.on("data", (bytes: Buffer) => spoil(bytes, first, second)).on("end", () => second.end());
    second.on("data", (bytes: Buffer) => first.write(bytes)).on("end", () => first.end());
    for (const end of [first, second]) end.on("close", () => (end === first ? second : first).destroy()).resume();
  });
  server = relay;
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const address = relay.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

const flow = (port: number) => ends.start("flow", [port, 1 / 64, 20, 0]).figures;
const churn = (port: number) => ends.start("churn", [port, 50, 20, 4, 0, 7]).figures;

it("carried as it should be, all holds", async () => {
  const carry = (bytes: Buffer, _from: Socket, to: Socket) => to.write(bytes);
  expect(await flow(await badRelay(carry))).toMatchObject({ bytes: 2 * (1 << 24) });
});

describe.each([
  ["flow", flow],
  ["churn", churn],
])("%s finds", (_name, run) => {
  it("a byte that was changed", async () => {
    const port = await badRelay((bytes, _from, to) => {
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      to.write(bytes);
    });
    await expect(run(port)).rejects.toThrow(/other bytes|not its peer's/);
  });

  it("bytes that were lost", async () => {
    const port = await badRelay((bytes, _from, to) => to.write(bytes.subarray(1)));
    await expect(run(port)).rejects.toThrow(/other bytes|not its peer's|arrived|got \d+ of/);
  });

  it("an end that came too early", async () => {
    const port = await badRelay((bytes, from, to) => {
      from.pause();
      to.end(bytes.subarray(0, bytes.length >> 1));
    });
    await expect(run(port)).rejects.toThrow(/arrived|got \d+ of|cannot send|end in the middle|before its time|stuck/);
  });
});

describe("memory", () => {
  /** Two hours, a sample a second, with garbage that comes and goes. */
  const samples = (mibPerHour: number) => {
    const random = randomNumbers(1);
    return Array.from({ length: 7_200 }, (_, second) => {
      const hours = second / 3_600;
      return { hours, mib: 120 + mibPerHour * hours + 15 * random() };
    });
  };

  it("that grows by 2 MiB an hour is found", () => {
    expect(() => growthOf(samples(2))).toThrow(/memory grows/);
  });

  it("that does not is left in peace", () => {
    expect(growthOf(samples(0)).mibPerHour).toBeLessThan(0.5);
  });
});

describe("a long form", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const tests = ["e2e", "packages"]
    .flatMap((under) => readdirSync(join(root, under), { recursive: true }).map((file) => join(under, String(file))))
    .filter((file) => file.endsWith(".test.ts") && !file.includes("node_modules"));

  it.each(LONG_FORMS)("$name is of tests that there are, and that know what it sets", ({ file, env }) => {
    for (const part of file.split(" ")) {
      const found = tests.filter((test) => test.includes(part));
      expect(found, part).not.toEqual([]);
      const text = found.map((test) => readFileSync(join(root, test), "utf8")).join("");
      for (const name of Object.keys(env)) expect(text).toContain(`process.env.${name}`);
    }
  });

  it("whose tests were skipped, or in part, has not held", () => {
    expect(figuresOf({ numPassedTests: 3, numTotalTests: 3 })).toEqual({ testsPassed: 3 });
    expect(() => figuresOf({ numPassedTests: 2, numTotalTests: 3 })).toThrow("of 3 tests, 1 were not run");
    expect(() => figuresOf({ numPassedTests: 0, numTotalTests: 0 })).toThrow();
  });
});

it("a short soak of a relayd holds, and says what it did", async () => {
  const soak = fileURLToPath(new URL("soak.ts", import.meta.url));
  const args = [soak, "--only", "bytes,churn", "--gib", "0.1", "--sessions", "200", "--minutes", "1"];
  const { code, stdout, stderr } = await runCommand(process.execPath, args, { timeoutMs: 110_000 });
  expect(code, stdout + stderr).toBe(0);
  const { outcomes } = JSON.parse(stdout.slice(0, stdout.indexOf("\n|"))) as { outcomes: object[] };
  expect(outcomes).toMatchObject([
    { part: "bytes", held: true, figures: { gibVerified: 0.2 } },
    { part: "churn", held: true, figures: { sessions: 200 } },
    { part: "afterwards", held: true },
  ]);
}, 120_000);
