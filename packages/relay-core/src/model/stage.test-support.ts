/**
 * The relay's own routes, quotas, rendezvous, joins and standing, between an admission without TLS and a data plane that carries
 * nothing: each step is taken when a test says so, and each client's fate is read from the words that it was sent. The test
 * file puts StagedAdmission in the place of Admission (vi.mock).
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { parseHead, refusalReason } from "@serverless-relay/testkit";
import type { Seeker } from "../elsewhere.ts";
import type { RelayEvent } from "../events.ts";
import type { Route } from "../pairing/routes.ts";
import { LIMITS } from "../relay.test-support.ts";
import { Relay } from "../relay.ts";
import type { Asked, Fate, ModelRoute } from "./reference.test-support.ts";
import { Comer, StagedAdmission } from "./staged-admission.test-support.ts";
import { type StagedLeg, StagedPlane } from "./staged-plane.test-support.ts";

interface Client {
  readonly comer: Comer;
  readonly asked: Asked;
  gone: boolean;
  leg: StagedLeg | null;
}

export class Stage {
  readonly events: RelayEvent[] = [];
  readonly plane = new StagedPlane();
  readonly relay: Relay;
  readonly #clients: Client[] = [];
  readonly #seekers = new Map<string, Seeker>();

  constructor() {
    this.relay = new Relay({
      credentials: { cert: "", key: "", ca: "" },
      plane: this.plane,
      observe: (event) => this.events.push(event),
      limits: { ...LIMITS, maxWaitMs: 3_600_000, idleTimeoutMs: 3_600_000 },
      elsewhere: { seek: (seeker) => this.#seek(seeker) },
    });
  }

  async ask(asked: Asked): Promise<void> {
    const { name, peer, channel, role, wait, key } = asked;
    const request = { peer, channel, transport: "raw", as: undefined, role, wait } as const;
    const comer = new Comer(this.#clients.length, [name], key, request);
    this.#clients.push({ comer, asked, gone: false, leg: null });
    this.relay.accept(comer.socket, { protocol: "connect" });
    await this.#settled();
  }

  async detach(client: number): Promise<void> {
    const { comer } = this.#client(client);
    comer.detached.resolve();
    await this.#settled();
  }

  async vanish(client: number): Promise<void> {
    const left = this.#client(client);
    left.gone = true;
    if (left.leg === null) left.comer.vanish();
    else left.leg.vanish();
    await this.#settled();
  }

  async join(index: number): Promise<void> {
    const [join] = this.plane.joins.splice(index, 1);
    join?.();
    await this.#settled();
  }

  setRoute(route: ModelRoute): void {
    this.relay.routes.set(routeOf(route));
  }

  /** It is not waited for: it may wait for joins that are under way. */
  async deleteRoute({ f1, f2 }: ModelRoute, kill: boolean): Promise<void> {
    void this.relay.deleteRoute(f1, f2, { kill });
    await this.#settled();
  }

  async replaceRoute(route: ModelRoute): Promise<void> {
    await this.relay.replaceRoute(routeOf(route));
    await this.#settled();
  }

  async revoke(name: string): Promise<void> {
    for (const { comer, asked } of this.#clients) {
      if (asked.name === name) StagedAdmission.revoked.add(comer.identity);
    }
    await this.relay.setCredentials({ cert: "", key: "", ca: "" }, { onRevoked: "end", onExpired: "keep" });
    await this.#settled();
  }

  async drain(seconds: number): Promise<void> {
    void this.relay.drain(seconds * 1_000);
    await this.#settled();
  }

  async advance(seconds: number, clock: (ms: number) => Promise<unknown>): Promise<void> {
    await clock(seconds * 1_000);
    await this.#settled();
  }

  take(client: number): boolean {
    return this.#seeker(client).take();
  }

  async putBack(client: number): Promise<void> {
    this.#seeker(client).putBack();
    await this.#settled();
  }

  fates(): Fate[] {
    return this.#clients.map((client) => this.#fateOf(client));
  }

  async close(): Promise<void> {
    for (const { comer } of this.#clients) comer.vanish();
    for (const join of this.plane.joins.splice(0)) join();
    await this.relay.close();
    for (const { comer } of this.#clients) comer.socket.destroy();
    await this.#settled();
  }

  #fateOf({ comer, leg, gone }: Client): Fate {
    if (gone) return "gone";
    if (comer.refused !== null) return `refused: ${comer.refused}`;
    if (leg === null || leg.words === "") return "waits";
    const { status, fields } = parseHead(leg.words);
    if (status !== 200) return `refused: ${refusalReason(leg.words)}`;
    const partner = this.#clients.findIndex((other) => other.leg !== leg && other.leg?.session === leg.session);
    const over = leg.session?.reason ?? null;
    const role = fields["relay-role"];
    return `paired with ${partner}, ${fields["relay-peer"]}, as ${role}${over === null ? "" : `, until ${over}`}`;
  }

  #seek(seeker: Seeker): () => void {
    this.#seekers.set(seeker.connection, seeker);
    return () => this.#seekers.delete(seeker.connection);
  }

  #seeker(client: number): Seeker {
    const seeker = this.#seekers.get(this.#client(client).comer.identity.fingerprint);
    if (seeker === undefined) throw new Error(`client ${client} does not seek`);
    return seeker;
  }

  #client(index: number): Client {
    const client = this.#clients[index];
    if (client === undefined) throw new Error(`there is no client ${index}`);
    return client;
  }

  /** Nothing of the relay waits for anything but time, or the test. */
  async #settled(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    for (const leg of this.plane.legs) {
      const client = this.#clients.find(({ comer }) => comer.socket === leg.socket);
      if (client !== undefined) client.leg = leg;
    }
  }
}

function routeOf({ f1, f2, pin }: ModelRoute): Route {
  return { f1, f2, ...(pin !== undefined && { options: { pins: { f1: [pin] } } }) };
}
