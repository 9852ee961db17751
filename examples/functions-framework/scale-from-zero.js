/**
 * What a platform does for its functions, in small: nothing of f2 runs until somebody invokes it, and then an instance is
 * started, given the invocation, and ended when there has been none for a while.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, request as invoke } from "node:http";
import { createInterface } from "node:readline";

const { WAKE_PORT, INSTANCE_PORT, WAKE_TOKEN, IDLE_MS = 5_000 } = process.env;
const HOST = "127.0.0.1";

/** a promise of the instance that runs, or is being started; null: there is none */
let instance = null;
let invocations = 0;
let idle;

const platform = createServer((request, response) => void take(request, response));

async function take(request, response) {
  // Without this, whoever reaches the port could have f2 invoked.
  if (request.headers.authorization !== `Bearer ${readFileSync(WAKE_TOKEN, "utf8").trim()}`) {
    response.writeHead(401).end();
    return;
  }
  clearTimeout(idle);
  invocations++;
  response.once("close", () => {
    if (--invocations === 0) idle = setTimeout(() => void scaleToZero(), IDLE_MS);
  });
  instance ??= start();
  await instance;
  const { url, method, headers } = request;
  const onward = invoke({ host: HOST, port: INSTANCE_PORT, path: url, method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

async function start() {
  const begin = performance.now();
  const args = ["--target=f2", `--port=${INSTANCE_PORT}`];
  const child = spawn("node_modules/.bin/functions-framework", args, { stdio: ["ignore", "pipe", "inherit"] });
  child.once("exit", () => {
    instance = null;
    console.log("f2: no instance");
  });
  for await (const line of createInterface(child.stdout)) if (line.startsWith("URL: ")) break;
  child.stdout.resume();
  console.log(`f2: an instance, ${Math.round(performance.now() - begin)} ms after it was asked for`);
  return child;
}

async function scaleToZero() {
  (await instance)?.kill();
}

process.once("SIGTERM", () => void scaleToZero().finally(() => process.exit()));
platform.listen(WAKE_PORT, HOST, () => console.log(`f2: no instance; invoke it at http://${HOST}:${WAKE_PORT}/`));
