/** Kinds of flags. A value that will not do is told by its flag, and what would. */
import * as Flags from "@oclif/core/flags";
import { ENDPOINT_RULE, type Endpoint, parseEndpoint } from "./endpoint.ts";
import { Exit, Failure } from "./failure.ts";

interface Text {
  readonly summary: string;
  /** the variable that is read where the flag is not given */
  readonly env: string;
}

export function endpointFlag(flag: string, text: Text) {
  const parse = async (input: string): Promise<Endpoint> => parseEndpoint(input) ?? unfit(flag, input, ENDPOINT_RULE);
  return Flags.custom<Endpoint>({ ...text, helpValue: "ADDRESS", parse })();
}

/** Its value is in milliseconds. */
export function durationFlag(flag: string, text: Text) {
  const parse = async (input: string): Promise<number> => parseDuration(input) ?? unfit(flag, input, DURATION_RULE);
  return Flags.custom<number>({ ...text, helpValue: "DURATION", parse })();
}

export function countFlag(flag: string, text: Text) {
  const parse = async (input: string): Promise<number> => {
    const count = Number(input);
    return /^[0-9]{1,7}$/.test(input) && count >= 1 ? count : unfit(flag, input, "it is a whole number, 1 or more");
  };
  return Flags.custom<number>({ ...text, helpValue: "COUNT", parse })();
}

const DURATION_RULE = "it is a duration such as 500ms, 30s, 15m or 12h";
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** Node's timers hold no more. */
const MOST_MS = 2 ** 31 - 1;

/** "30s" → 30,000; null if it is not understood. "0s" is understood: at once. */
export function parseDuration(text: string): number | null {
  const [, amount, unit = ""] = /^([0-9]{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  if (amount === undefined) return null;
  const duration = Number(amount) * (MILLISECONDS[unit] ?? Number.NaN);
  return duration <= MOST_MS ? duration : null;
}

function unfit(flag: string, input: string, rule: string): never {
  throw new Failure(`--${flag} ${JSON.stringify(input)} will not do; ${rule}`, Exit.usage);
}
