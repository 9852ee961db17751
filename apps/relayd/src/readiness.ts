/** Whether relayd can serve, in words: for /readyz. */
import type { Status } from "@serverless-relay/control-api";

/** What keeps it from admitting functions; empty if nothing does. */
export function unreadyReasons({ state, listeners }: Status): string[] {
  if (state === "draining") return ["draining: nobody is admitted any more"];
  const serves = listeners.some(({ name, state }) => name === "shared" && state === "up");
  return serves ? [] : ["starting: the shared listener is not open yet"];
}

/** What is amiss, though functions are admitted. A route whose own port is taken is no reason to turn away all the others. */
export function readyRemarks({ listeners, cluster }: Status): string[] {
  const down = listeners.filter(({ state }) => state === "down").length;
  return [
    ...(down === 0 ? [] : [`${down} of the routes' listeners down`]),
    // All relays would be unready at once, though functions at the same relay still meet.
    ...(cluster?.nats === "away" ? ["the cluster's NATS is away: only functions at the same relay meet"] : []),
  ];
}
