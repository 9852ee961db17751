/**
 * Looks at an LMDB data file before LMDB does. LMDB maps the file into memory and trusts it: opened on something else, or
 * on a file that was cut off, it ends the process with a signal where a message is wanted.
 */
import { type FileHandle, open, stat } from "node:fs/promises";
import { endianness } from "node:os";
import { errorCode, reason } from "../io-error.ts";
import { checkTree, DamagedPage, HEADER_BYTES } from "./lmdb-pages.ts";
import { StoreError } from "./route-store.ts";

// The two meta pages at the start of the file (lmdb.h, MDB_meta): each a page header of 24 bytes, then magic and version,
// and further on two trees (free pages, data), 48 bytes each, the first with the page size, each with its root at its end.
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const OFFSET = { magic: 0, version: 4, free: 24, main: 72, pageSize: 24, transaction: 128 } as const;
const META_BYTES = 136;
const REMEDY = "restore it from a backup, or move it away to start without the routes that were added";

/** @throws StoreError unless the file is absent, or looks like what this version of LMDB wrote */
export async function checkLmdbFile(path: string): Promise<void> {
  const lockFile = `${path}-lock`;
  await withFile(lockFile, async () => {});
  await withFile(path, async (file) => {
    const { size } = await file.stat();
    if (size === 0) throw new StoreError(path, `is empty; ${REMEDY}`);
    const metas = [await readMeta(file, 0)];
    if (metas[0] !== null) metas.push(await readMeta(file, metas[0]?.pageSize ?? 0));
    const newest = metas
      .filter((meta) => meta !== null)
      .toSorted((a, b) => (a.transaction > b.transaction ? -1 : 1))[0];
    if (newest === undefined) throw new StoreError(path, `is not a route store; ${REMEDY}`);
    if (newest.version !== VERSION) {
      throw new StoreError(
        path,
        `has LMDB format ${newest.version} where ${VERSION} is known; use the relayd that wrote it`,
      );
    }
    if (metas.includes(null)) throw new StoreError(path, `is cut off or damaged; ${REMEDY}`);
    checkTrees(path, await file.readFile(), newest);
  });
}

function checkTrees(path: string, content: Buffer, { position, pageSize }: Meta): void {
  const meta = position + HEADER_BYTES;
  try {
    for (const tree of [OFFSET.free, OFFSET.main]) checkTree(content, pageSize, meta + tree);
  } catch (error) {
    if (!(error instanceof DamagedPage || error instanceof RangeError)) throw error;
    throw new StoreError(path, `is cut off or damaged (${error.message}); ${REMEDY}`, error);
  }
}

interface Meta {
  /** of its page in the file */
  readonly position: number;
  readonly version: number;
  readonly pageSize: number;
  readonly transaction: bigint;
}

async function readMeta(file: FileHandle, position: number): Promise<Meta | null> {
  const bytes = Buffer.alloc(META_BYTES);
  const { bytesRead } = await file.read(bytes, 0, META_BYTES, position + HEADER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, META_BYTES);
  const little = endianness() === "LE";
  if (bytesRead < META_BYTES || view.getUint32(OFFSET.magic, little) !== MAGIC) return null;
  return {
    position,
    version: view.getUint32(OFFSET.version, little) & 0xffff, // flags are above
    pageSize: view.getUint32(OFFSET.pageSize, little),
    transaction: view.getBigUint64(OFFSET.transaction, little),
  };
}

/** Does nothing if the file is absent. */
async function withFile(path: string, look: (file: FileHandle) => Promise<void>): Promise<void> {
  let file: FileHandle;
  try {
    if ((await stat(path)).isDirectory()) throw new StoreError(path, "is a directory; choose another state.dir");
    file = await open(path, "r+");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    if (error instanceof StoreError) throw error;
    throw new StoreError(path, unopened(error), error);
  }
  try {
    await look(file);
  } finally {
    await file.close();
  }
}

function unopened(error: unknown): string {
  const denied = ["EACCES", "EPERM"].includes(errorCode(error));
  if (denied) return "permission denied; let the user that runs relayd read and write it";
  return `cannot be opened (${reason(error)}); choose another state.dir`;
}
