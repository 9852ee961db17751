import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { meet, Running as RunningProgram, RunningRelay, until } from "@serverless-relay/testkit";
import { afterEach, expect, it } from "vitest";

/** Stands in for systemd. */
class NotifySocket {
  readonly #python: RunningProgram;

  private constructor(python: RunningProgram) {
    this.#python = python;
  }

  static async bind(address: string): Promise<NotifySocket> {
    const script = fileURLToPath(new URL("notify_socket.py", import.meta.url));
    const python = RunningProgram.startCommand("python3", [script, address]);
    await python.line(/^bound$/);
    return new NotifySocket(python);
  }

  /** All that was said, as fields. */
  get messages(): Record<string, string>[] {
    const texts = this.#python.lines.filter((line) => line.startsWith('"')).map((line) => JSON.parse(line) as string);
    return texts.map((text) => Object.fromEntries(text.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2))));
  }

  /** The first message, there already or yet to come, that has this field (with this value). */
  heard(field: string, value = /^/): Promise<Record<string, string>> {
    return until(`systemd is told ${field}`, () => this.messages.find((message) => value.test(message[field] ?? "\n")));
  }

  async close(): Promise<void> {
    await this.#python.stop("SIGKILL");
  }
}

let relay: RunningRelay;
let systemd: NotifySocket;

afterEach(async () => {
  await relay.stop();
  await systemd.close();
});

async function start(address: (directory: string) => string, more: Record<string, string> = {}): Promise<void> {
  relay = await RunningRelay.prepare({ drain: "20s" });
  const socket = address(relay.directory);
  systemd = await NotifySocket.bind(socket);
  relay.environment = { NOTIFY_SOCKET: socket, ...more };
  await relay.boot();
}

it.each([
  ["a path", (directory: string) => join(directory, "notify")],
  ["an abstract address", () => `@relay-test-${randomBytes(8).toString("hex")}`],
])(
  "that it is ready, how it is doing, and that it stops: to %s",
  async (_name, address) => {
    await start(address);
    await systemd.heard("READY", /^1$/);
    expect(systemd.messages[0]).toEqual({ STATUS: "Serving 0 routes: 0 sessions, 0 parked" });
    expect(systemd.messages.filter((message) => "WATCHDOG" in message)).toEqual([]);

    await relay.control.addRoute({ f1: "f1", f2: "f2" });
    const { ends } = await meet(relay, await relay.issue("f1"), await relay.issue("f2"));
    await systemd.heard("STATUS", /^Serving 1 routes: 1 sessions, 0 parked$/);
    relay.process.kill("SIGTERM");
    // systemd would kill it after TimeoutStopSec, if that is less than the drain takes.
    const stopping = await systemd.heard("STOPPING", /^1$/);
    expect(Number(stopping.EXTEND_TIMEOUT_USEC)).toBeGreaterThan(20_000_000);
    for (const end of ends) end.destroy();
    expect(await relay.process.ended).toBe(0);
  },
  30_000,
);

it("that it stops, also when that was asked for at the control socket", async () => {
  await start((directory) => join(directory, "notify"));
  await relay.control.drain({ timeout: 3600 });
  const stopping = await systemd.heard("STOPPING", /^1$/);
  expect(Number(stopping.EXTEND_TIMEOUT_USEC)).toBeGreaterThan(3_600_000_000);
  expect(await relay.process.ended).toBe(0);
});

it("that it is alive, twice in the time of the watchdog, and no more once it hangs", async () => {
  await start((directory) => join(directory, "notify"), { WATCHDOG_USEC: "400000" });
  const beats = () => systemd.messages.filter(({ WATCHDOG }) => WATCHDOG === "1").length;
  await until("it beats", () => beats() >= 3);
  relay.process.kill("SIGSTOP");
  const before = beats();
  await new Promise((resolve) => setTimeout(resolve, 600)); // the silence itself is what is looked for
  expect(beats()).toBeLessThanOrEqual(before + 1);
  relay.process.kill("SIGCONT");
  await until("it beats again", () => beats() >= before + 3);
});

it("nothing, where the watchdog means another process", async () => {
  await start((directory) => join(directory, "notify"), { WATCHDOG_USEC: "100000", WATCHDOG_PID: "1" });
  await systemd.heard("READY");
  await relay.control.addRoute({ f1: "f1", f2: "f2" });
  await systemd.heard("STATUS", /^Serving 1 routes/); // some seconds later
  expect(systemd.messages.filter((message) => "WATCHDOG" in message)).toEqual([]);
});

it("a socket that nobody listens on is complained of once, and relayd serves", async () => {
  await start((directory) => join(directory, "notify"));
  await relay.halt();
  relay.environment = { NOTIFY_SOCKET: join(relay.directory, "nothing") };
  await relay.boot();
  const complaints = relay.process.lines.filter((line) => line.includes("systemd cannot be told"));
  expect(complaints).toHaveLength(1);
  expect(complaints[0]).toContain("ENOENT");
  expect(await relay.status()).toMatchObject({ state: "running" });
});
