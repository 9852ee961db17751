/**
 * Connections of other relays: each comes for one function that is parked here, and that was promised to it. It is admitted
 * like a client (mTLS, CONNECT, detach), by certificates of its own: a function's is never good for it.
 */
import type { Socket } from "node:net";
import { Refusal, type Role } from "@serverless-relay/protocol";
import { Admission, type AdmissionLimits } from "./admission/admission.ts";
import { Dropped } from "./admission/drops.ts";
import { Gate, type GateLimits } from "./admission/gate.ts";
import type { Request } from "./admission/request.ts";
import type { Credentials } from "./admission/tls-server.ts";
import type { Hop } from "./elsewhere.ts";
import type { Observer } from "./events.ts";

/** A function that was promised to another relay, which has come for it. */
interface Promised {
  /** False if the function has left, or the hop has broken. */
  meet(hop: Hop): Promise<boolean>;
  /** It did not come to a meeting: the function may be paired again. */
  putBack(): void;
}

export interface HopsOptions {
  /** the CA is that of the relays, not of the functions */
  readonly credentials: Credentials;
  /** the names that another relay's certificate may bear; empty: any, for the CA issues to nobody else */
  readonly names: readonly string[];
  readonly limits: AdmissionLimits & Pick<GateLimits, "handshakes">;
  readonly observe: Observer;
  /** what the channel of the request, a claim, stands for; null: nothing any more */
  readonly redeem: (claim: string) => Promised | null;
}

interface Grant {
  readonly promised: Promised;
  readonly peerRole: Role | undefined;
}

export class Hops {
  readonly #options: HopsOptions;
  #names: readonly string[];
  readonly #admission: Admission;
  readonly #gate: Gate;
  readonly #entering = new Set<Socket>();

  constructor(options: HopsOptions) {
    this.#options = options;
    this.#names = options.names;
    // Another relay comes from one address, with whatever its functions ask for.
    const { handshakes } = options.limits;
    const noMatter = Number.POSITIVE_INFINITY;
    this.#gate = new Gate({ handshakes, handshakesPerAddress: noMatter, arrivalsPerAddress: noMatter });
    this.#admission = new Admission(options.credentials, options.limits, options.observe);
  }

  /** For whoever has not been admitted yet. Throws, and changes nothing, if they are not usable. */
  setCredentials(credentials: Credentials, names: readonly string[]): void {
    this.#admission.setCredentials(credentials);
    this.#names = names;
  }

  /** Takes over a connection that has just been accepted, with `allowHalfOpen`. */
  accept(socket: Socket): void {
    this.#entering.add(socket);
    this.#enter(socket)
      .catch((error: unknown) => {
        const answered = error instanceof Refusal || (error instanceof Dropped && error.limit === undefined);
        if (!answered) socket.destroy();
      })
      .finally(() => this.#entering.delete(socket));
  }

  /** Those that have not met yet are ended. */
  close(): void {
    for (const socket of this.#entering) socket.destroy();
  }

  async #enter(socket: Socket): Promise<void> {
    const redeemed: Promised[] = [];
    try {
      const place = this.#gate.enter(socket);
      const { link, address, grant } = await this.#admission.admit(
        socket,
        place,
        "connect",
        ({ names }, flaw, request) => {
          if (flaw !== null) throw new Refusal(flaw);
          const granted = this.#authorize(names, request);
          redeemed.push(granted.promised);
          return granted;
        },
      );
      if (link.kind !== "bare") throw new Dropped("detach_violated");
      if (await grant.promised.meet({ link, address, peerRole: grant.peerRole })) redeemed.pop();
    } finally {
      for (const promised of redeemed) promised.putBack();
    }
  }

  #authorize(names: readonly string[], request: Request | null): Grant {
    if (this.#names.length > 0 && !names.some((name) => this.#names.includes(name))) throw new Refusal("no_route");
    if (request?.transport !== "raw") throw new Refusal("field_invalid");
    const promised = this.#options.redeem(request.channel);
    if (promised === null) throw new Refusal("peer_vanished");
    return { promised, peerRole: request.role };
  }
}
