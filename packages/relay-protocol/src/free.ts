/**
 * Memory of bytes that are done with, given back now. V8 would do it when it next collects garbage, and of what lies outside its
 * heap it lets tens of MiB gather before it does: most of the memory of a process that carries streams, and cold for its caches.
 */

/**
 * Frees what `bytes` were in. To be called by whoever used them last: from now on they are empty. Does nothing where they are a
 * part of something larger, such as Node's pool, which others may be using.
 */
export function free(bytes: Buffer): void {
  const { buffer, length } = bytes;
  if (length > 0 && length === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
