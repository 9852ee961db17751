/** Waits for a condition that nothing announces, instead of for a length of time. */

const INTERVAL_MS = 10;

/**
 * What `look` gives, as soon as that is neither undefined, null nor false. Rejects after `timeoutMs`, saying that `what` did
 * not happen.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) {
      return found as Exclude<T, undefined | null | false>;
    }
    if (performance.now() > deadline) throw new Error(`within ${timeoutMs} ms it did not happen that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}
