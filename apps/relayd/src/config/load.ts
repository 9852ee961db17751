/**
 * Finds, reads and validates the configuration file. Promises: every problem of the file is reported, not only the
 * first, each with its line, its column, what is wrong and what to do; nothing but the file itself is touched (what its
 * paths point to is looked at by files.ts).
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { z } from "zod";
import { errorCode, explainIoError } from "../io-error.ts";
import type { ClusterConfig } from "./cluster.ts";
import { ConfigError } from "./config-error.ts";
import { adviseOnUnknownKey } from "./known-keys.ts";
import { readRegularFile } from "./read-file.ts";
import { type Config, configSchema } from "./schema.ts";
import { type KeyPath, parseSource, type Source } from "./source.ts";
import { resolveWakePaths } from "./wake.ts";

export interface LoadedConfig {
  /** absolute path of the file */
  readonly file: string;
  readonly config: Config;
  /** stands for the file's content */
  readonly digest: string;
  /** `FILE:LINE:COL key.path` of a value, for further messages about it */
  at(path: KeyPath): string;
}

interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * @param file as given with --config; without it, ./relayd.yaml, $XDG_CONFIG_HOME/relayd/relayd.yaml and
 *   /etc/relayd/relayd.yaml are tried
 * @throws ConfigError
 */
export async function loadConfig(
  file: string | undefined,
  surroundings: Surroundings = { cwd: process.cwd(), env: process.env },
): Promise<LoadedConfig> {
  const path = file === undefined ? await findConfig(surroundings) : resolve(surroundings.cwd, file);
  const label = labelOf(path, surroundings.cwd);
  const text = await readConfig(path, label);
  const source = parseSource(text, label);
  if (source.problems.length > 0) throw new ConfigError(source.problems);
  const result = configSchema.safeParse(source.value);
  if (!result.success) throw new ConfigError(result.error.issues.flatMap((issue) => describeIssue(issue, source)));
  const digest = createHash("sha256").update(text).digest("hex");
  return { file: path, config: resolvePaths(result.data, dirname(path)), digest, at: (keys) => source.at(keys) };
}

/** In the order in which they are tried. */
function searchPaths({ cwd, env }: Surroundings): string[] {
  const personal = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config");
  return [join(cwd, "relayd.yaml"), join(personal, "relayd", "relayd.yaml"), "/etc/relayd/relayd.yaml"];
}

/** The first that is there; whether it can be read is another matter, for it is the one that was meant. */
async function findConfig(surroundings: Surroundings): Promise<string> {
  const tried = searchPaths(surroundings);
  for (const path of tried) {
    const absent = await stat(path).then(
      () => false,
      (error: unknown) => ["ENOENT", "ENOTDIR"].includes(errorCode(error)),
    );
    if (!absent) return path;
  }
  throw new ConfigError([`no configuration found; tried ${tried.join(", ")}; name one with --config FILE`]);
}

async function readConfig(path: string, label: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readRegularFile(path));
  } catch (error) {
    const what = error instanceof TypeError ? "is not text in UTF-8; save it as such" : explainIoError(error, "read");
    throw new ConfigError([`${label}: ${what}`]);
  }
}

/** As short as it can be without being ambiguous. */
function labelOf(path: string, cwd: string): string {
  const fromHere = relative(cwd, path);
  return fromHere === "" || fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
}

function describeIssue(issue: z.core.$ZodIssue, source: Source): string[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(
      (key) => `${source.atKey([...path, key])}: is not a known key; ${adviseOnUnknownKey(path, key)}`,
    );
  }
  return [`${source.at(path)}: ${issue.message}`];
}

function resolvePaths(config: Config, base: string): Config {
  const { tls, control, state, audit, cluster, wake } = config;
  return {
    ...config,
    tls: {
      ...tls,
      cert: resolve(base, tls.cert),
      key: resolve(base, tls.key),
      ca: resolve(base, tls.ca),
      ...(tls.crl === undefined ? {} : { crl: resolve(base, tls.crl) }),
    },
    ...(cluster === undefined ? {} : { cluster: resolveClusterPaths(cluster, base) }),
    ...(wake === undefined ? {} : { wake: resolveWakePaths(wake, (path) => resolve(base, path)) }),
    control: {
      ...control,
      socket: resolve(base, control.socket),
      ...(control.readOnlySocket === undefined ? {} : { readOnlySocket: resolve(base, control.readOnlySocket) }),
    },
    state: { ...state, dir: resolve(base, state.dir) },
    ...(audit === undefined ? {} : { audit: { ...audit, file: resolve(base, audit.file) } }),
  };
}

function resolveClusterPaths(cluster: ClusterConfig, base: string): ClusterConfig {
  const { nats, tls } = cluster;
  const at = (path: string | undefined) => path && resolve(base, path);
  return {
    ...cluster,
    nats: { ...nats, ca: at(nats.ca), cert: at(nats.cert), key: at(nats.key), credentials: at(nats.credentials) },
    tls: { ...tls, cert: resolve(base, tls.cert), key: resolve(base, tls.key), ca: resolve(base, tls.ca) },
  };
}
