/**
 * The watchdog of systemd (WatchdogSec): relayd says that it is alive twice in that time, as long as its event loop and
 * every splice thread turn. Whichever hangs, it falls silent, and systemd starts another one.
 */

export interface WatchdogEnvironment {
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** How often relayd has to say that it is alive, in milliseconds; null if nobody listens for it. */
export function watchdogInterval(env: WatchdogEnvironment, pid: number): number | null {
  const { WATCHDOG_USEC: asked, WATCHDOG_PID: meant } = env;
  if (asked === undefined || !/^[1-9][0-9]*$/.test(asked)) return null;
  if (meant !== undefined && meant !== String(pid)) return null;
  return Math.max(1, Math.floor(Number(asked) / 1000 / 2));
}

/**
 * Calls `tell` every `intervalMs`, unless `turned`, which resolves once every thread has turned, has not resolved since
 * the last time. Returns how to stop it.
 */
export function watch(intervalMs: number, turned: () => Promise<void>, tell: () => void): () => void {
  let waiting = false;
  const timer = setInterval(() => {
    if (waiting) return;
    waiting = true;
    void turned().then(() => {
      waiting = false;
      tell();
    });
  }, intervalMs);
  return () => clearInterval(timer);
}
