/** Amounts as people read them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** 1536 → "1.5 KiB" */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** 3725 → "1h 2m": the two largest units that there are. */
export function formatDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "m"],
    [whole % 60, "s"],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === -1) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(" ");
}

/** "1 route", "2 routes" */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

const SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** "15m" → 900, in seconds; null if it is not understood, or is nothing. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, SECONDS);
}

/** "10MiB" → 10,485,760; null if it is not understood, or is nothing. */
export function parseBytes(text: string): number | null {
  const sizes = Object.fromEntries(UNITS.map((unit, index) => [unit, 1024 ** index]));
  return parseQuantity(text, sizes);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | null {
  const [, amount, unit = ""] = /^([0-9]{1,12}) ?([A-Za-z]+)$/.exec(text) ?? [];
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (amount === undefined || size === undefined) return null;
  const value = Number(amount) * size;
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : null;
}
