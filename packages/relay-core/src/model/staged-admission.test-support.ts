/** Admission without TLS, in the real one's place: a test says who comes, and when its outer TLS is off. */
import { Socket } from "node:net";
import { Refusal } from "@serverless-relay/protocol";
import type { Admitted, Authorize } from "../admission/admission.ts";
import { Dropped } from "../admission/drops.ts";
import type { Place } from "../admission/gate.ts";
import type { Identity } from "../admission/identity.ts";
import type { Request } from "../admission/request.ts";
import type { Flaw } from "../admission/trust.ts";

/** Somebody who comes: what it says, and what becomes of it. */
export class Comer {
  readonly socket = new Socket();
  readonly identity: Identity;
  readonly request: Request;
  readonly detached = Promise.withResolvers<void>();
  /** of a refusal that was given inside TLS */
  refused: string | null = null;

  constructor(id: number, names: readonly string[], key: string, request: Request) {
    // As far as pairing looks at one: there is no certificate behind it.
    const identity: Pick<Identity, "names" | "key" | "notAfter" | "fingerprint"> = {
      names,
      key,
      notAfter: Number.POSITIVE_INFINITY,
      fingerprint: `sha256:${id}`,
    };
    this.identity = identity as Identity;
    this.request = request;
    this.detached.promise.catch(() => {});
    comers.set(this.socket, this);
  }

  /** It goes away before it is admitted. */
  vanish(): void {
    this.detached.reject(new Dropped("client_gone"));
  }
}

const comers = new WeakMap<Socket, Comer>();
const NOTHING = Buffer.alloc(0);

export class StagedAdmission {
  static readonly revoked = new WeakSet<Identity>();

  flawOf(identity: Identity): Flaw | null {
    return StagedAdmission.revoked.has(identity) ? "certificate_revoked" : null;
  }

  setCredentials(): void {}

  setLimits(): void {}

  async admit<Grant>(
    socket: Socket,
    place: Place,
    _protocol: "connect" | "bare",
    authorize: Authorize<Grant>,
  ): Promise<Admitted<Grant>> {
    const comer = comers.get(socket);
    if (comer === undefined) throw new Error("nobody has announced this socket");
    const { identity, request } = comer;
    const grant = this.#authorize(comer, authorize);
    place.leave();
    await comer.detached.promise;
    const link = { kind: "bare", socket, readAhead: NOTHING } as const;
    const seen = { connection: identity.fingerprint, address: "nowhere:0", durationMs: 0 };
    return { ...seen, identity, request, grant, transport: "raw", link };
  }

  #authorize<Grant>(comer: Comer, authorize: Authorize<Grant>): Grant {
    try {
      return authorize(comer.identity, null, comer.request);
    } catch (error) {
      if (error instanceof Refusal) comer.refused = error.reason;
      throw error;
    }
  }
}
