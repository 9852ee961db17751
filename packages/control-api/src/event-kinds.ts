/** What an event may be. A file of its own, without zod: the client loads it, too. */

export const EVENT_KINDS = ["admitted", "refused", "dropped", "departed", "paired", "ended", "wake", "woken"] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

/** The last event of a stream that relayd ends; its `message` says why. */
export const STREAM_ENDED = "stream_ended";
