/** The CloudEvent (CloudEvents 1.0) that asks for a function, in the binary content mode of the HTTP protocol binding, §3.1. */
import { hostname } from "node:os";

/** Says that somebody waits for a function. */
const TYPE = "serverless-relay.function.wanted.v1";

/** All but printable ASCII, and of that `"`, `%` and space, are percent-encoded as UTF-8 (HTTP protocol binding, §3.1.3.2). */
const NOT_AS_IT_IS = /[^\x21\x23\x24\x26-\x7e]/gu;

export interface Wanted {
  readonly id: string;
  /** the function that is to come, and the one that waits for it */
  readonly name: string;
  readonly peer: string;
  readonly route: readonly [string, string];
  readonly channel: string;
  /** milliseconds since the epoch: since when the peer waits, and how long it will at most */
  readonly waitingSince: number;
  readonly deadline: number;
}

export interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function messageOf(wanted: Wanted, now: number = Date.now()): Message {
  const { id, name, peer, route, channel, waitingSince, deadline } = wanted;
  const attributes = {
    specversion: "1.0",
    type: TYPE,
    source: `//${hostname()}/relayd`,
    id,
    subject: name,
    time: isoTime(now),
  };
  const data = {
    function: name,
    peer,
    route,
    channel,
    waitingSince: isoTime(waitingSince),
    deadline: isoTime(deadline),
  };
  const headers = Object.entries(attributes).map(([attribute, value]) => [`ce-${attribute}`, encoded(value)]);
  return {
    headers: { ...Object.fromEntries(headers), "content-type": "application/json" },
    body: JSON.stringify(data),
  };
}

function encoded(value: string): string {
  return value.replaceAll(NOT_AS_IT_IS, encodeURIComponent);
}

function isoTime(at: number): string {
  return new Date(at).toISOString();
}
