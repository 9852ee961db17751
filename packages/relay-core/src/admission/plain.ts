/** Admission behind a plain listener: no TLS, no request, nobody verified; it is there because the operator asked for it by name. */
import type { Socket } from "node:net";
import { Refusal } from "@serverless-relay/protocol";
import type { Observer } from "../events.ts";
import { identify } from "../ids.ts";
import { limitIn } from "../limits.ts";
import type { Admitted } from "./admission.ts";
import { Dropped } from "./drops.ts";
import type { Place } from "./gate.ts";

/** Admits whoever comes, unless `authorize` throws Refusal: as there is no answer to give, that is a drop. Throws Dropped. */
export function admitPlain<Grant>(
  socket: Socket,
  place: Place,
  authorize: () => Grant,
  observe: Observer,
): Admitted<Grant> {
  const seen = { ...identify(socket), durationMs: 0 };
  try {
    const grant = authorize();
    place.leave();
    const link = { kind: "bare", socket, readAhead: Buffer.alloc(0) } as const;
    return { ...seen, identity: null, request: null, grant, transport: "plain", link };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    socket.destroy();
    const reason = error.reason === "draining" ? "draining" : "full";
    observe({ ...seen, event: "dropped", reason, names: [], ...limitIn(error) });
    throw new Dropped(reason);
  }
}
