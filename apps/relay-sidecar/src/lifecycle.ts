/** From a running side to its end: probes are answered, signals obeyed, and nothing waits for longer than it may. */
import { type Endpoint, formatEndpoint } from "./endpoint.ts";
import { openHealth } from "./health.ts";
import type { Logger } from "./log.ts";
import type { Side } from "./side.ts";

export interface LifecycleOptions {
  /** where probes are answered, if anywhere */
  readonly health: Endpoint | undefined;
  /** how long connections may go on after the first signal, in milliseconds */
  readonly drainTimeoutMs: number;
}

/** Resolves when the side has ended; rejects with why it ended by itself, or with a Failure of `health`. */
export async function runToEnd(side: Side, { health, drainTimeoutMs }: LifecycleOptions, log: Logger): Promise<void> {
  const probes =
    health &&
    (await openHealth(health, () => side.unready()).catch((error: unknown) => {
      side.destroy();
      throw error;
    }));
  if (probes !== undefined) log.info({ health: formatEndpoint(probes.endpoint) }, "answers probes");
  const forgetSignals = stopOnSignals(side, drainTimeoutMs, log);
  log.info({ pid: process.pid }, "started");
  try {
    await side.closed;
    log.info("stopped");
  } finally {
    forgetSignals();
    probes?.close();
  }
}

/** The first signal drains, the second breaks off what is left. */
function stopOnSignals(side: Side, drainTimeoutMs: number, log: Logger): () => void {
  let deadline: NodeJS.Timeout | null = null;
  const breakOff = (why: string): void => {
    log.warn({ connections: side.connections }, `${why}: what is left is broken off`);
    side.destroy();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (deadline !== null) {
      breakOff(signal);
      return;
    }
    log.info({ signal, connections: side.connections }, "stopping");
    deadline = setTimeout(() => breakOff("the drain timeout is over"), drainTimeoutMs);
    void side.close();
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return () => {
    if (deadline !== null) clearTimeout(deadline);
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
  };
}
