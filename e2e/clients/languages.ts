/** The programs of `examples/` that say a line to the peer and hear one: one for each way to be a client. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type FunctionFiles, type RunningRelay, runCommand } from "@serverless-relay/testkit";
import { toolchains } from "./toolchains.ts";

export interface Language {
  readonly name: string;
  /** the command line of a function that meets `peer` and says "NAME says hello" */
  command(relay: RunningRelay, self: FunctionFiles, peer: string): [string, string[]];
  /** what it says if it is refused with no_route */
  readonly toldWhy: RegExp;
  /** what has to be done before, once for each relay */
  build?(relay: RunningRelay): Promise<void>;
}

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
/** What starts a Python of one's choice may take longer than Python itself, and is asked once. */
const PYTHON = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trimEnd();
const TALK = join(EXAMPLES, "python/talk.py");

export const LANGUAGES: readonly Language[] = [
  ...["raw", "raw --pipelined", "tls", "raw --asyncio", "raw --asyncio --pipelined", "tls --asyncio"].map(python),
  ...(toolchains().has("go") ? ["raw", "raw -pipelined", "tls"].map(go) : []),
  // A machine of Java's takes a second of CPU to start; the README's walk has the other ways.
  ...(toolchains().has("javac") ? ["raw --pipelined"].map(java) : []),
];

function python(how: string): Language {
  return {
    name: `Python, ${how}`,
    // The price of pipelining with OpenSSL's reads: what comes inside TLS behind an own close_notify is an error.
    toldWhy: how === "raw --pipelined" ? /^SSLError: / : /^Refused: 403 no_route: /,
    command: (relay, self, peer) => [
      PYTHON,
      [TALK, ...flags("--", relay, self, peer), "--transport", ...how.split(" ")],
    ],
  };
}

function go(how: string): Language {
  return {
    name: `Go, ${how}`,
    toldWhy: /^refused: 403 Forbidden, .*reason=no_route/,
    command: (relay, self, peer) => [
      goProgram(relay),
      [...flags("-", relay, self, peer), "-transport", ...how.split(" ")],
    ],
    build: async (relay) => {
      const { code, stderr } = await runCommand("go", ["build", "-o", goProgram(relay), "."], {
        cwd: join(EXAMPLES, "go"),
        timeoutMs: 120_000,
      });
      if (code !== 0) throw new Error(stderr);
    },
  };
}

function goProgram(relay: RunningRelay): string {
  return join(relay.directory, "talk-go");
}

/** A machine that lives for a second has no time for its second compiler, nor for a collector with threads of its own. */
const JAVA = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

function java(how: string): Language {
  return {
    name: `Java, ${how}`,
    toldWhy: /^Refused: 403 no_route: /,
    command: (relay, self, peer) => [
      "java",
      [...JAVA, "-cp", javaClasses(relay), "Talk", ...flags("--", relay, self, peer), "--transport", ...how.split(" ")],
    ],
    build: async (relay) => {
      const sources = ["Talk", "Relay", "Identity", "PeerTrust", "Link"].map((name) => `${name}.java`);
      const { code, stderr } = await runCommand(
        "javac",
        ["-Xlint:all", "-Werror", "-d", javaClasses(relay), ...sources],
        {
          cwd: join(EXAMPLES, "java"),
          timeoutMs: 120_000,
        },
      );
      if (code !== 0) throw new Error(stderr);
    },
  };
}

function javaClasses(relay: RunningRelay): string {
  return join(relay.directory, "talk-java");
}

function flags(dash: string, relay: RunningRelay, self: FunctionFiles, peer: string): string[] {
  const values = {
    relay: `localhost:${relay.port}`,
    cert: self.certFile,
    key: self.keyFile,
    ca: self.caFile,
    peer,
    message: `${self.name} says hello`,
  };
  return Object.entries(values).flatMap(([name, value]) => [`${dash}${name}`, value]);
}
