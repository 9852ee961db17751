/** A test process may end without having tidied up: a failure, a timeout, a signal. Nothing is to be left even then. */

const pending = new Set<() => void>();

/** Has `undo` called when this process ends, unless the function that is returned was called before. It must not wait. */
export function atExit(undo: () => void): () => void {
  pending.add(undo);
  return () => pending.delete(undo);
}

/** The last first: processes end before the directories that they work in are removed. */
function undoAll(): void {
  for (const undo of [...pending].toReversed()) undo();
  pending.clear();
}

process.once("exit", undoAll);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.once(signal, () => {
    undoAll();
    process.kill(process.pid, signal);
  });
}
