/** A PostgreSQL of its own, in a temporary directory, without a password: for one test. */
import { existsSync, globSync, rmSync } from "node:fs";
import { chown, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { atExit } from "./at-exit.ts";
import { type ReservedPorts, reservePorts } from "./ports.ts";
import { type Finished, Running, runCommand } from "./programs.ts";

const PROGRAMS = ["initdb", "postgres", "psql", "pgbench"];
/** Debian's wrappers in PATH choose a cluster of the system's; what they wrap is where the server is. */
const DIRECTORIES = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"];
/** In English, whatever the machine speaks, and with nobody's own configuration. */
const ENVIRONMENT = { LC_ALL: "C", PGAPPNAME: "", PGPASSFILE: "/nonexistent", PSQLRC: "/dev/null" };

function binaries(): string {
  const installed = DIRECTORIES.flatMap((pattern) => globSync(pattern))
    .toSorted()
    .toReversed();
  const candidates = [...installed, ...(process.env.PATH ?? "").split(delimiter)];
  const found = candidates.find((directory) => PROGRAMS.every((program) => existsSync(join(directory, program))));
  if (found === undefined) throw new Error(`the tests need ${PROGRAMS.join(", ")}; install postgresql`);
  return found;
}

/** PostgreSQL will not run as root. */
async function unprivileged(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (user === undefined) throw new Error("neither postgres nor nobody is in /etc/passwd");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

export class Postgres {
  readonly port: number;
  readonly #bin: string;
  readonly #directory: string;
  readonly #ports: ReservedPorts;
  readonly #as: readonly string[];
  readonly #directoryIsGone: () => void;
  #server: Running | null = null;

  private constructor(bin: string, directory: string, ports: ReservedPorts, as: readonly string[], gone: () => void) {
    this.#bin = bin;
    this.#directory = directory;
    this.#ports = ports;
    this.#as = as;
    this.#directoryIsGone = gone;
    this.port = ports.first;
  }

  /** `settings`: as `postgres -c` takes them. */
  static async start(...settings: string[]): Promise<Postgres> {
    const directory = await mkdtemp(join(tmpdir(), "relay-postgres-"));
    const gone = atExit(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
    const user = await unprivileged();
    if (user !== null) await chown(directory, user.uid, user.gid);
    const as = user === null ? [] : ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"];
    const postgres = new Postgres(binaries(), directory, await reservePorts(1), as, gone);
    const { code, stderr } = await postgres.#run(
      "initdb",
      "-D",
      postgres.#data,
      "-A",
      "trust",
      "-U",
      "bench",
      "--no-sync",
    );
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${stderr}`);
    await postgres.boot(...settings);
    return postgres;
  }

  async boot(...settings: string[]): Promise<void> {
    const options = ["listen_addresses=127.0.0.1", `unix_socket_directories=${this.#directory}`, ...settings];
    const args = ["-D", this.#data, "-p", `${this.port}`, ...options.flatMap((option) => ["-c", option])];
    const [command = "", ...rest] = [...this.#as, join(this.#bin, "postgres"), ...args];
    this.#server = Running.startCommand(command, rest, { cwd: this.#directory, env: ENVIRONMENT });
    await this.#server.line(/database system is ready to accept connections/);
  }

  /** Runs psql or pgbench against whatever is found at a port of 127.0.0.1. */
  client(program: "psql" | "pgbench", port: number, ...args: string[]): Promise<Finished> {
    const connection = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "bench"];
    const env = { ...ENVIRONMENT, PGDATABASE: "postgres" };
    return runCommand(join(this.#bin, program), [...connection, ...args], { cwd: "/", env, timeoutMs: 120_000 });
  }

  /** A fast shutdown: sessions are broken off. */
  async halt(): Promise<void> {
    await this.#server?.stop("SIGINT");
  }

  async stop(): Promise<void> {
    await this.halt();
    await this.#ports.release();
    await rm(this.#directory, { recursive: true });
    this.#directoryIsGone();
  }

  get #data(): string {
    return join(this.#directory, "data");
  }

  #run(program: string, ...args: string[]): Promise<Finished> {
    const [command = "", ...rest] = [...this.#as, join(this.#bin, program), ...args];
    return runCommand(command, rest, { cwd: this.#directory, env: ENVIRONMENT });
  }
}
