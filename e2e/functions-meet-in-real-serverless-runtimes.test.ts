import { fileURLToPath } from "node:url";
import { Running, RunningRelay, reservePorts } from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

/** What both examples answer. */
interface Answer {
  readonly peer: string;
  readonly session: string;
  readonly coldStart: boolean;
  readonly metAfterMs: number;
  readonly sent?: number;
  readonly received?: number;
}

interface Invoked {
  readonly answer: Answer;
  readonly ms: number;
}

const BYTES = 3_000_000;

let relay: RunningRelay;
let ports: Awaited<ReturnType<typeof reservePorts>>;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  for (const name of ["f1", "f2"]) await relay.issue(name);
  ports = await reservePorts(4);
});

afterAll(async () => {
  await ports.release();
  await relay.finish();
});

const directoryOf = (example: string) => fileURLToPath(new URL(`../examples/${example}/`, import.meta.url));
const address = () => `localhost:${relay.port}`;

async function invoke(url: string): Promise<Invoked> {
  const begin = performance.now();
  const response = await fetch(url);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return { answer: JSON.parse(text) as Answer, ms: Math.round(performance.now() - begin) };
}

/** Invokes both ends at once, twice, and prints what it took. */
async function invokeTwice(runtime: string, startMs: number, f1Url: string, f2Url: string): Promise<void> {
  const took: string[] = [];
  for (const coldStart of [true, false]) {
    const [f1, f2] = await Promise.all([invoke(`${f1Url}?bytes=${BYTES}`), invoke(f2Url)]);
    expect(f1.answer).toMatchObject({ peer: "f2", coldStart, sent: BYTES });
    expect(f2.answer).toMatchObject({ peer: "f1", coldStart, received: BYTES, session: f1.answer.session });
    took.push(
      `${coldStart ? "cold" : "warm"} f1 ${f1.ms} ms (met ${f1.answer.metAfterMs}), f2 ${f2.ms} ms (met ${f2.answer.metAfterMs})`,
    );
  }
  process.stderr.write(`${runtime}: listening after ${startMs} ms; invocation ${took.join("; ")}\n`);
}

it("Functions Framework: a function each in a process of its own", async () => {
  const cwd = directoryOf("functions-framework");
  const begin = performance.now();
  const functions = [
    { name: "f1", peer: "f2", port: ports.first },
    { name: "f2", peer: "f1", port: ports.first + 1 },
  ].map(({ name, peer, port }) => {
    const env = {
      RELAY: address(),
      RELAY_PEER: peer,
      FUNCTION_CERT: `${relay.directory}/${name}.pem`,
      FUNCTION_KEY: `${relay.directory}/${name}.key`,
      FUNCTION_CA: `${relay.directory}/ca.pem`,
    };
    const args = [`--target=${name}`, `--port=${port}`];
    return Running.startCommand("node_modules/.bin/functions-framework", args, { cwd, env, group: true });
  });
  try {
    await Promise.all(functions.map((running) => running.line(/^URL: /)));
    const startMs = Math.round(performance.now() - begin);
    await invokeTwice(
      "Functions Framework",
      startMs,
      `http://127.0.0.1:${ports.first}/`,
      `http://127.0.0.1:${ports.first + 1}/`,
    );
  } finally {
    await Promise.all(functions.map((running) => running.stop()));
  }
});

it("serverless-offline: two Lambda handlers", async () => {
  const cwd = directoryOf("lambda");
  const begin = performance.now();
  const env = { RELAY: address(), CERTS: relay.directory, SLS_TELEMETRY_DISABLED: "1" };
  const listening = ["--httpPort", `${ports.first + 2}`, "--lambdaPort", `${ports.first + 3}`];
  const args = ["offline", ...listening];
  const offline = Running.startCommand("node_modules/.bin/serverless", args, { cwd, env, group: true });
  try {
    await offline.line(/^Server ready/, 50_000);
    const startMs = Math.round(performance.now() - begin);
    const url = `http://127.0.0.1:${ports.first + 2}`;
    await invokeTwice("serverless-offline", startMs, `${url}/f1`, `${url}/f2`);
  } finally {
    await offline.stop();
  }
});
