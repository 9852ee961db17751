/**
 * The route store in LMDB: one file in the state directory, and its lock file. Reads go to the memory map; a write is one
 * transaction, and resolves once that has been committed and synced to disk.
 */
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { type Database, open, type RootDatabase } from "lmdb";
import { reason } from "../io-error.ts";
import { makeDirectory } from "../make-directory.ts";
import { checkLmdbFile } from "./lmdb-file.ts";
import { type RouteKey, type RouteRecord, type RouteStore, routeKey, StoreError } from "./route-store.ts";

const FILE_NAME = "routes.mdb";
const SCHEMA_KEY = "relayd-schema";
/** Raised with every change that an older relayd would misread: 2 has options of routes, which 1 would not heed. */
const SCHEMA = 2;
/** Those of which every record is one of SCHEMA, too. */
const OLDER_SCHEMAS: readonly unknown[] = [1];

/**
 * Opens the store in `directory`, making both if they are not there.
 * @throws StoreError where it cannot be opened, is damaged, is not a route store, or was written by a newer relayd
 */
export async function openLmdbRouteStore(directory: string): Promise<RouteStore> {
  await makeDirectory(directory, 0o700).catch((error: unknown) => {
    throw new StoreError(directory, `cannot be made (${reason(error)}); choose another state.dir`, error);
  });
  const path = join(directory, FILE_NAME);
  await checkLmdbFile(path);
  const root = guarded(path, "opened", () => {
    // Without overlappingSync a commit is on disk once it is done, and the file is as LMDB documents it. With eventTurnBatching,
    // a commit that fails rejects a promise that nobody can have got hold of, which ends the process.
    return open({
      path,
      noSubdir: true,
      encoding: "json",
      maxDbs: 2,
      overlappingSync: false,
      eventTurnBatching: false,
    });
  });
  try {
    await claimSchema(root, path);
    return new LmdbRouteStore(root, path);
  } catch (error) {
    await root.close();
    throw error;
  }
}

/** Marks a new store as ours, and turns away any other. */
async function claimSchema(root: RootDatabase, path: string): Promise<void> {
  const { schema, filled } = guarded(path, "read", () => ({
    schema: root.get(SCHEMA_KEY) as unknown,
    filled: root.getKeysCount({ limit: 1 }) > 0,
  }));
  if (schema === SCHEMA) return;
  if ((schema === undefined && !filled) || OLDER_SCHEMAS.includes(schema)) {
    await durably(path, root, () => root.put(SCHEMA_KEY, SCHEMA));
  } else if (typeof schema === "number") {
    throw new StoreError(path, `has schema ${schema}, of a newer relayd, where ${SCHEMA} is known; run that relayd`);
  } else {
    throw new StoreError(path, "is the LMDB file of another program; choose another state.dir");
  }
}

interface Stored extends RouteRecord {
  /** CRC-32 of the record as JSON; not there in records of an older relayd */
  readonly check?: number;
}

class LmdbRouteStore implements RouteStore {
  readonly #root: RootDatabase;
  readonly #routes: Database<Stored, RouteKey>;
  readonly #ports: Database<number, RouteKey>;
  readonly #path: string;
  #closed: Promise<void> | undefined;

  constructor(root: RootDatabase, path: string) {
    this.#root = root;
    this.#path = path;
    [this.#routes, this.#ports] = guarded(path, "read", () => [
      root.openDB<Stored, RouteKey>({ name: "routes", encoding: "json" }),
      root.openDB<number, RouteKey>({ name: "ports", encoding: "json" }),
    ]);
  }

  *all(): Generator<RouteRecord, void, undefined> {
    this.#assertOpen();
    try {
      for (const entry of this.#routes.getRange()) yield asRecord(entry);
    } catch (error) {
      throw failed(this.#path, "read", error);
    }
  }

  async put(record: RouteRecord): Promise<void> {
    const check = crc32(JSON.stringify(record));
    await this.#write(() => this.#routes.put(routeKey(record.f1, record.f2), { ...record, check }));
  }

  async delete(f1: string, f2: string): Promise<boolean> {
    const key = routeKey(f1, f2);
    // LMDB's own answer is true whether or not there was such a key. In one transaction, of two deletes only one finds it.
    return await this.#write(() =>
      this.#routes.transaction(() => {
        const found = this.#routes.doesExist(key);
        if (found) void this.#routes.remove(key);
        return found;
      }),
    );
  }

  portOf(f1: string, f2: string): number | undefined {
    this.#assertOpen();
    return guarded(this.#path, "read", () => this.#ports.get(routeKey(f1, f2)));
  }

  async keepPort(f1: string, f2: string, port: number): Promise<void> {
    await this.#write(() => this.#ports.put(routeKey(f1, f2), port));
  }

  async releasePort(f1: string, f2: string): Promise<void> {
    await this.#write(() => this.#ports.remove(routeKey(f1, f2)));
  }

  async close(): Promise<void> {
    this.#closed ??= this.#root.close();
    await this.#closed;
  }

  async #write<T>(write: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    return await durably(this.#path, this.#root, write);
  }

  /** LMDB itself ends the process when a closed file is written to. */
  #assertOpen(): void {
    if (this.#closed !== undefined) throw new StoreError(this.#path, "is closed; relayd is about to end");
  }
}

async function durably<T>(path: string, root: RootDatabase, write: () => Promise<T>): Promise<T> {
  try {
    const result = await write();
    await root.flushed;
    return result;
  } catch (error) {
    const cause = await causeOf(error);
    throw new StoreError(path, `cannot be written (${reason(cause)}); see to the disk of state.dir`, cause);
  }
}

/** Why a commit failed, LMDB tells by a promise that is rejected with it, soon. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  return await Promise.resolve(error.commitError).then(
    () => error,
    (cause: unknown) => (cause instanceof Error ? new Error(cause.message.replace(/: Attempting .*/s, "")) : cause),
  );
}

function guarded<T>(path: string, done: "opened" | "read", work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failed(path, done, error);
  }
}

function failed(path: string, done: "opened" | "read", error: unknown): StoreError {
  return new StoreError(path, `cannot be ${done} (${reason(error)}); restore it from a backup, or move it away`, error);
}

/** What another hand wrote into the file, or the disk has changed, must not reach the relay as a route. */
function asRecord({ key, value }: { readonly key: RouteKey; readonly value: Stored }): RouteRecord {
  const { check, ...record } = value as Partial<Stored>;
  const { f1, f2, createdAt } = record;
  const isRoute = typeof f1 === "string" && typeof f2 === "string" && typeof createdAt === "string";
  if (!isRoute || String(routeKey(f1, f2)) !== String(key)) {
    throw new TypeError(`an entry is not a route: ${JSON.stringify(value)?.slice(0, 200)}`);
  }
  if (check !== undefined && check !== crc32(JSON.stringify(record))) {
    throw new TypeError(`the route between ${f1} and ${f2} is not as it was written`);
  }
  return { ...record, f1, f2, createdAt };
}
