/** When a certificate or a CRL runs out, in words for the log, --check and status. */

const DAY_MS = 86_400_000;
/** Renewal by hand needs notice. */
const NOTICE_DAYS = 14;

/** Whole days left; negative once it is over. */
export function daysLeft(notAfter: Date, now: Date): number {
  return Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS);
}

/** One sentence if `notAfter` is past or near, else null. */
export function expiryWarning(use: "relay" | "ca" | "crl", notAfter: Date, now: Date): string | null {
  const days = daysLeft(notAfter, now);
  if (days >= NOTICE_DAYS) return null;
  const when = notAfter.toISOString();
  if (notAfter > now) return `runs out on ${when}, in ${days} days; ${REMEDY[use]} before`;
  return `ran out on ${when}, so ${CONSEQUENCE[use]}; ${REMEDY[use]}`;
}

const CONSEQUENCE = {
  relay: "clients that verify the relay turn away",
  ca: "every function whose certificate it issued is refused",
  crl: "every function is refused",
} as const;

const REMEDY = {
  relay: "renew it",
  ca: "renew it, or remove it from the file",
  crl: "have the CA issue a new one",
} as const;
