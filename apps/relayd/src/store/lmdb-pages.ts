/**
 * Looks through the trees of an LMDB file, page by page, before LMDB does: that ends the process, or leaves out what it cannot
 * find, where the file is damaged. The layout is that of mdb.c (MDB_page_header, MDB_node, MDB_db, MDB_ovpage).
 */

/** A page header: number 8, transaction 8, padding 2, flags 2, lower 2, upper 2; both of these, and pointers, count from behind it. */
export const HEADER_BYTES = 24;
const HEADER = { number: 0, flags: 18, lower: 20, upper: 22, overflowPages: 20 } as const;
const PAGE = { branch: 1, leaf: 2, overflow: 4 } as const;

/** A node: low and high half of a size or page number 4, flags 2, size of the key 2, key, data. */
const NODE_BYTES = 8;
const NODE = { size: 0, flags: 4, keySize: 6 } as const;
const DATA = { overflow: 1, tree: 2 } as const;

/** A tree: padding 4, flags 2, depth 2, branch pages, leaf pages, overflow pages, entries, root, 8 each. */
const TREE_BYTES = 48;
const TREE = { flags: 4, depth: 6, overflowPages: 24, entries: 32, root: 40 } as const;
const INTEGER_KEYS = 0x08;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** The message says where it is. */
export class DamagedPage extends Error {
  override readonly name = "DamagedPage";
}

/** Looks through the tree that is described at `at`, and those in it. Throws DamagedPage, or RangeError beyond the file's end. */
export function checkTree(file: Buffer, pageSize: number, at: number): void {
  new Walk(file, pageSize).tree(at);
}

class Walk {
  readonly #file: Buffer;
  readonly #pageSize: number;
  readonly #seen = new Set<number>();

  constructor(file: Buffer, pageSize: number) {
    this.#file = file;
    this.#pageSize = pageSize;
  }

  tree(at: number): void {
    const root = this.#file.readBigUInt64LE(at + TREE.root);
    const depth = this.#file.readUInt16LE(at + TREE.depth);
    const entries = Number(this.#file.readBigUInt64LE(at + TREE.entries));
    const sorted = (this.#file.readUInt16LE(at + TREE.flags) & INTEGER_KEYS) === 0;
    const found = root === NO_PAGE ? 0 : this.#page(Number(root), depth, sorted, null, null);
    if (found !== entries) throw new DamagedPage(`a tree has ${found} entries where ${entries} are said to be`);
  }

  /** How many entries there are in it. Keys must be from `low` on, and below `high`. */
  #page(number: number, depth: number, sorted: boolean, low: Buffer | null, high: Buffer | null): number {
    const at = this.#enter(number, depth > 1 ? PAGE.branch : PAGE.leaf);
    const nodes = this.#nodes(number, at);
    let entries = 0;
    for (const [index, node] of nodes.entries()) {
      // The first key of a branch stands for all that is less.
      const isBound = depth > 1 && index === 0;
      const key = isBound ? low : this.#keyOf(node);
      const next = nodes[index + 1];
      const bound = next === undefined ? high : this.#keyOf(next);
      if (sorted && !isBound && (isLess(key, low) || (bound !== null && !isLess(key, bound)))) {
        throw new DamagedPage(`the keys of page ${number} are out of order`);
      }
      entries += depth > 1 ? this.#page(this.#childOf(node), depth - 1, sorted, key, bound) : this.#entry(number, node);
    }
    return entries;
  }

  #entry(number: number, node: number): number {
    const flags = this.#file.readUInt16LE(node + NODE.flags);
    const data = node + NODE_BYTES + this.#file.readUInt16LE(node + NODE.keySize);
    if ((flags & ~(DATA.overflow | DATA.tree)) !== 0)
      throw new DamagedPage(`an entry of page ${number} is of no known kind`);
    if ((flags & DATA.tree) !== 0) this.tree(data);
    if ((flags & DATA.overflow) !== 0) this.#overflow(Number(this.#file.readBigUInt64LE(data)), this.#sizeOf(node));
    return 1;
  }

  #overflow(number: number, size: number): void {
    const at = this.#enter(number, PAGE.overflow);
    const pages = this.#file.readUInt32LE(at + HEADER.overflowPages);
    const end = at + pages * this.#pageSize;
    if (at + HEADER_BYTES + size > end || end > this.#file.length) throw new DamagedPage(`page ${number} is cut off`);
  }

  /** Where the page begins. */
  #enter(number: number, kind: number): number {
    const at = number * this.#pageSize;
    if (at + this.#pageSize > this.#file.length) throw new DamagedPage(`page ${number} is beyond the file's end`);
    if (this.#seen.has(number)) throw new DamagedPage(`page ${number} is in more than one place`);
    this.#seen.add(number);
    const [is, flags] = [this.#file.readBigUInt64LE(at + HEADER.number), this.#file.readUInt16LE(at + HEADER.flags)];
    if (is !== BigInt(number) || flags !== kind) throw new DamagedPage(`page ${number} is another one, or overwritten`);
    return at;
  }

  /** Where its nodes begin; each lies within the page. */
  #nodes(number: number, at: number): number[] {
    const [lower, upper] = [this.#file.readUInt16LE(at + HEADER.lower), this.#file.readUInt16LE(at + HEADER.upper)];
    const room = this.#pageSize - HEADER_BYTES;
    if (lower === 0 || lower > upper || upper > room) throw new DamagedPage(`page ${number} has no sensible header`);
    return Array.from({ length: lower >> 1 }, (_, index) => {
      const pointer = this.#file.readUInt16LE(at + HEADER_BYTES + 2 * index);
      const node = at + HEADER_BYTES + pointer;
      const inPage = pointer >= upper && pointer + NODE_BYTES <= room && this.#endOf(node) <= at + this.#pageSize;
      if (!inPage) throw new DamagedPage(`a node of page ${number} is not within it`);
      return node;
    });
  }

  #endOf(node: number): number {
    const key = node + NODE_BYTES + this.#file.readUInt16LE(node + NODE.keySize);
    const flags = this.#file.readUInt16LE(node + NODE.flags);
    const page = this.#file.readUInt16LE(node - (node % this.#pageSize) + HEADER.flags);
    if (page === PAGE.branch) return key;
    if ((flags & DATA.overflow) !== 0) return key + 8;
    return key + ((flags & DATA.tree) !== 0 ? TREE_BYTES : this.#sizeOf(node));
  }

  #sizeOf(node: number): number {
    return this.#file.readUInt32LE(node + NODE.size);
  }

  /** Page numbers go on in what are flags elsewhere. */
  #childOf(node: number): number {
    return this.#sizeOf(node) + this.#file.readUInt16LE(node + NODE.flags) * 2 ** 32;
  }

  #keyOf(node: number): Buffer {
    const begin = node + NODE_BYTES;
    return this.#file.subarray(begin, begin + this.#file.readUInt16LE(node + NODE.keySize));
  }
}

function isLess(key: Buffer | null, than: Buffer | null): boolean {
  return key !== null && than !== null && Buffer.compare(key, than) < 0;
}
