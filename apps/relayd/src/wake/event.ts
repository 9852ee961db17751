/** What happens to wakes, for the log, the event stream, the audit log and the metrics. */

/** How a request to wake a function can end. */
export const WAKE_OUTCOMES = [
  /** answered with a 2xx */
  "accepted",
  /** answered with anything else; redirects are not followed */
  "rejected",
  /** no answer, and no function, within wake.timeout; or it came, and did not answer within wake.invocation */
  "timeout",
  /** no connection, or one that broke, or a certificate that does not verify */
  "unreachable",
  /** the configuration does not allow the target: nothing was sent */
  "not_allowed",
  /** a file that wake.allow names cannot be used: nothing was sent */
  "no_credentials",
  /** nobody waits for the function any more: the request was broken off */
  "abandoned",
] as const;

export type WakeOutcome = (typeof WAKE_OUTCOMES)[number];

interface AboutFunction {
  /** whom it is about: the missing one */
  readonly name: string;
  readonly peer: string;
  readonly route: readonly [string, string];
  readonly channel: string;
}

export type WakeEvent =
  | (AboutFunction & {
      /** a request has ended, or could not be made */
      readonly event: "wake";
      readonly outcome: WakeOutcome;
      readonly target: string;
      /** of the CloudEvent */
      readonly id: string;
      /** of the answer, where there was one */
      readonly status?: number | undefined;
      readonly detail?: string | undefined;
      readonly durationMs: number;
    })
  | (AboutFunction & {
      /** the function has come */
      readonly event: "woken";
      /** requests that it took */
      readonly requests: number;
      /** since the first of them */
      readonly afterMs: number;
    });
