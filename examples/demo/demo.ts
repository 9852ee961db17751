/**
 * The main job on a terminal: two functions that accept no connection talk mTLS through a relay that verified both.
 * Everything is a real process; exit code 0 only if it all really happened.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stage } from "./stage.ts";
import { openTap, type Tap } from "./tap.ts";

const HELLO = "hello from f1, which accepts no connection";
const ANSWER = "hello from f2, which accepts none either";
const ROUNDS = 3;

const stage = new Stage();
const directory = await mkdtemp(join(tmpdir(), "relay-demo-"));
let tap = null as Tap | null;
try {
  await play();
  stage.say("It all happened. Nothing is left behind.");
} catch (error) {
  stage.say(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stage.endProcesses();
  await tap?.close();
  await rm(directory, { recursive: true });
}

async function play(): Promise<void> {
  stage.scene("Certificates: a CA, one for the relay, one for each function");
  await stage.run("relayctl", ["init", "--dir", directory], (line) => (line.startsWith("made") ? line : null));
  await stage.run("relayctl", ["cert", "issue", "f1", "--dir", directory]);
  await stage.run("relayctl", ["cert", "issue", "f2", "--dir", directory]);
  await useAnyPort(join(directory, "relayd.yaml"));

  stage.scene("The relay, and a route that lets f1 and f2 meet");
  const relayd = stage.start("relayd", ["--config", join(directory, "relayd.yaml")], {}, relayLine);
  const listening = JSON.parse(await relayd.line(/"listener":"shared"/)) as { port: number };
  await relayd.line(/"msg":"ready"/);
  const socket = ["--socket", join(directory, "run", "relayd.sock")];
  await stage.run("relayctl", ["route", "add", "f1", "f2", ...socket]);

  stage.scene("Two functions dial out, through a tap that records all that the relay gets to see");
  tap = await openTap(listening.port);
  const server = stage.start("test-function", [], environmentOf("f2", "f1", "flock_tls_server", ANSWER, tap.port));
  await relayd.line(/"event":"admitted","[^\n]*"name":"f2"/);
  const client = stage.start("test-function", [], environmentOf("f1", "f2", "flock_tls_client", HELLO, tap.port));
  const codes = [await client.ended, await server.ended];
  if (codes.some((code) => code !== 0)) throw new Error(`the functions ended with ${codes.join(" and ")}`);

  const ended = JSON.parse(await relayd.line(/"event":"ended"/)) as { reason: string; bytes: [number, number] };
  check(ended.reason === "completed", `the session ended with ${ended.reason}`);
  check(client.printed(`got "${ANSWER}"`) === ROUNDS, `f1 did not get every answer`);
  check(server.printed(`got "${HELLO}"`) === ROUNDS, `f2 did not get every message`);

  stage.scene("What the relay saw");
  const seen = tap.report([HELLO, ANSWER]);
  stage.say(`relayed ${ended.bytes[0]} bytes of f2's and ${ended.bytes[1]} of f1's after the outer TLS was taken off`);
  stage.say(`${seen.bytes} bytes passed the tap in all, on ${seen.connections} connections`);
  stage.say(`what the functions sent is TLS records to the last byte (${seen.records} of them)`);
  stage.say("the messages themselves are nowhere among them: only ciphertext");
  check(seen.leaked.length === 0, `the tap saw ${seen.leaked.join(" and ")} in the clear`);
  check(seen.onlyRecords, "a function sent something that is no TLS record");
  check(seen.connections === 2, `there were ${seen.connections} connections, not 2`);

  stage.scene("The relay stops");
  await stage.run("relayctl", ["status", ...socket]);
  relayd.kill();
  check((await relayd.ended) === 0, "relayd did not end well");
}

/** The demo must not depend on a port being free. */
async function useAnyPort(config: string): Promise<void> {
  const text = await readFile(config, "utf8");
  check(text.includes("127.0.0.1:8443"), "relayd.yaml is not as expected");
  await writeFile(config, text.replace("127.0.0.1:8443", "127.0.0.1:0"));
}

function environmentOf(name: string, peer: string, mode: string, message: string, port: number) {
  return {
    MODE: mode,
    TARGET: `127.0.0.1:${port}`,
    PEER: peer,
    MESSAGE: message,
    ROUNDS: String(ROUNDS),
    INTERVAL: "200ms",
    FUNCTION_CERT: join(directory, `${name}.pem`),
    FUNCTION_KEY: join(directory, `${name}.key`),
    FUNCTION_CA: join(directory, "ca.pem"),
  };
}

/** What the demo reads of relayd's log. */
interface LogEntry {
  readonly msg: string;
  readonly event?: string;
  readonly name?: string;
  readonly names?: readonly string[];
  readonly transport?: string;
  readonly session?: string;
  readonly reason?: string;
  readonly bytes?: readonly number[];
  readonly port?: number;
}

/** A line of relayd's log, for a person. */
function relayLine(line: string): string {
  return `relay: ${line.startsWith("{") ? describe(JSON.parse(line) as LogEntry) : line}`;
}

function describe(entry: LogEntry): string {
  const { msg, event, name, names = [], transport, session, reason, bytes = [], port } = entry;
  switch (event ?? "") {
    case "admitted":
      return `verified ${name}; transport ${transport}: the outer TLS is off, and it is parked`;
    case "paired":
      return `paired, session ${session}: the two bare sockets are joined`;
    case "ended":
      return `session ended: ${reason}; ${names.map((end, index) => `${end} sent ${bytes[index]} bytes`).join(", ")}`;
    default:
      return port === undefined ? msg : `${msg} on port ${port}`;
  }
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
