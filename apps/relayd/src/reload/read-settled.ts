/** Reads the configuration and the files that it names as they are at one moment, though others may be writing to them. */
import { stat } from "node:fs/promises";
import { ConfigError } from "../config/config-error.ts";
import { loadMaterials, type Materials } from "../config/files.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import type { Settings } from "./changes.ts";

export interface Read {
  readonly loaded: LoadedConfig;
  readonly materials: Materials;
}

const MOST_ATTEMPTS = 5;

/**
 * If one of the files changes while they are read, they are read again: old and new are never mixed.
 *
 * @param file the configuration
 * @param inForce what the running relayd goes by
 * @throws ConfigError
 */
export async function readSettled(file: string, inForce: Settings): Promise<Read> {
  for (let attempt = 1; ; attempt++) {
    const before = await stampOf(file);
    const loaded = await loadConfig(file);
    const paths = filesOf(loaded);
    const stamps = await stampsOf(paths);
    const outcome = await loadMaterials(loaded, new Date(), inForce).catch((error: unknown) => ({ error }));
    const settled = stamps[0] === before && stamps.join() === (await stampsOf(paths)).join();
    if (settled && "error" in outcome) throw outcome.error;
    if (settled && !("error" in outcome)) return { loaded, materials: outcome };
    if (attempt === MOST_ATTEMPTS)
      throw new ConfigError([`${file}: it, or a file that it names, changes all the time`]);
  }
}

/** The configuration, and what it names. */
export function filesOf({ file, config: { tls, cluster } }: LoadedConfig): string[] {
  const peers = cluster === undefined ? [] : [cluster.tls.cert, cluster.tls.key, cluster.tls.ca];
  return [file, tls.cert, tls.key, tls.ca, ...(tls.crl === undefined ? [] : [tls.crl]), ...peers];
}

function stampsOf(paths: readonly string[]): Promise<string[]> {
  return Promise.all(paths.map(stampOf));
}

/** Another one if the file is another one, or was written to. */
async function stampOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(":");
  } catch {
    return "absent"; // whoever reads it says what is wrong
  }
}
