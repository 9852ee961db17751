/** The command `relayd`: arguments, signals and exit codes. What it runs is daemon.ts. */
import { parseArgs } from "node:util";
import type { Logger } from "pino";
import { AuditError } from "./audit/audit-log.ts";
import { ClusterError } from "./cluster/cluster-error.ts";
import { ConfigError } from "./config/config-error.ts";
import { loadMaterials } from "./config/files.ts";
import { loadConfig } from "./config/load.ts";
import { configJsonSchema } from "./config/reference.ts";
import { ControlSocketError } from "./control/socket.ts";
import { Daemon } from "./daemon.ts";
import { errorCode } from "./io-error.ts";
import { ListenError } from "./listening/listener.ts";
import { NoPortLeft } from "./listening/route-listeners.ts";
import { createLogger } from "./logging.ts";
import { StoreError } from "./store/route-store.ts";
import { InheritedSockets } from "./systemd/inherited.ts";
import { Notifier } from "./systemd/notifier.ts";
import { reportToSystemd } from "./systemd/report.ts";
import { version } from "./version.ts";

/** As in sysexits.h. */
const EXIT = { ok: 0, usage: 64, unavailable: 69, software: 70, io: 74, noPermission: 77, config: 78 } as const;

const USAGE = `relayd ${version}: pairs functions that can only dial out, and splices their connections

USAGE
  relayd [--config FILE] [--check]
  relayd --schema

OPTIONS
  --config FILE  the configuration (YAML); without it ./relayd.yaml, $XDG_CONFIG_HOME/relayd/relayd.yaml and
                 /etc/relayd/relayd.yaml are tried
  --check        check the configuration and the files that it names, and exit
  --schema       print the JSON Schema of the configuration, for editors, and exit
  --help         print this, and exit
  --version      print the version, and exit

SIGNALS
  SIGHUP           read the configuration and the files that it names anew; if one is bad, nothing changes
  SIGTERM, SIGINT  stop admitting, let sessions end until drain.timeout, and exit; the second one resets what is left and
                   exits at once
  SIGUSR1          open the audit log anew, after it was moved away

EXIT CODES
  0 ended as asked   64 wrong arguments   69 a port or the control socket is taken, or the cluster's NATS is away
  74 the route store or the audit log cannot be used   77 this user may not bind a port, or use one of them
  78 the configuration is wrong

Make a configuration with certificates:  relayctl init --dir DIR
`;

async function main(): Promise<number> {
  const options = readArguments();
  if (options === null) return EXIT.usage;
  if (options.help) return say(USAGE);
  if (options.version) return say(`relayd ${version}\n`);
  if (options.schema) return say(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  try {
    const loaded = await loadConfig(options.config);
    const materials = await loadMaterials(loaded);
    if (options.check) {
      for (const warning of materials.warnings) process.stderr.write(`warning: ${warning}\n`);
      return say(`${loaded.file} is fine\n`);
    }
    const log = createLogger(loaded.config.log);
    for (const warning of materials.warnings) log.warn(warning);
    const notifier = await Notifier.open(process.env.NOTIFY_SOCKET, log);
    const inherited = await InheritedSockets.open(process.env, process.pid, log);
    const daemon = await Daemon.start(loaded, materials, { log, notifier, inherited });
    reloadOnSignal(daemon);
    stopOnSignals(daemon, log);
    log.info({ version, pid: process.pid, config: loaded.file }, "ready");
    const silence = reportToSystemd(daemon, process.env);
    await daemon.stopped;
    silence();
    log.info("stopped");
    return EXIT.ok;
  } catch (error) {
    return explain(error);
  }
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: "string" },
        check: { type: "boolean" },
        schema: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean", short: "v" },
      },
    });
    return values;
  } catch (error) {
    process.stderr.write(`relayd: ${error instanceof Error ? error.message : String(error)}\nTry: relayd --help\n`);
    return null;
  }
}

function reloadOnSignal(daemon: Daemon): void {
  process.on("SIGHUP", () => daemon.reloader.reloadUnasked("signal"));
}

/** The first signal drains, and never prolongs a drain under way; the second ends at once what is left. */
function stopOnSignals(daemon: Daemon, log: Logger): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) {
        log.warn({ signal, sessions: daemon.relay.sessionCount }, "ending at once");
        daemon.audit?.change({ change: "endNow", caller: null, signal });
        void endNow(daemon);
        return;
      }
      stopping = true;
      daemon.audit?.change({ change: "drain", caller: null, signal });
      const left = (daemon.relay.draining?.due ?? Number.POSITIVE_INFINITY) - performance.now();
      const { deadline } = daemon.drain(Math.max(0, Math.min(left, daemon.config.drain.timeout)));
      log.info({ signal, sessions: daemon.relay.sessionCount, deadline: new Date(deadline) }, "stopping");
    });
  }
}

/** Does not wait for connections that linger so that their last words are read. */
async function endNow(daemon: Daemon): Promise<void> {
  const patience = setTimeout(() => process.exit(EXIT.software), END_NOW_MS);
  await daemon.endNow();
  clearTimeout(patience);
  process.exit(EXIT.ok);
}

/** To reset what is left, and close the store; something is badly wrong if that takes longer. */
const END_NOW_MS = 3_000;

function say(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}

/** Expected errors in their own words; only a bug gets a stack trace. */
function explain(error: unknown): number {
  if (error instanceof ConfigError) return complain(error.problems, EXIT.config);
  const denied = error instanceof Error && ["EACCES", "EPERM"].includes(errorCode(error.cause));
  if (denied) return complain([error.message], EXIT.noPermission);
  if (error instanceof StoreError || error instanceof AuditError) return complain([error.message], EXIT.io);
  if (error instanceof ClusterError) return complain([error.message], EXIT.unavailable);
  if (error instanceof ListenError || error instanceof NoPortLeft || error instanceof ControlSocketError) {
    return complain([error.message], EXIT.unavailable);
  }
  process.stderr.write(`relayd: ${error instanceof Error ? error.stack : String(error)}\n`);
  return EXIT.software;
}

function complain(lines: readonly string[], code: number): number {
  for (const line of lines) process.stderr.write(`${line}\n`);
  return code;
}

process.exitCode = await main();
