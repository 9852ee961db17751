/** Admission alone, at a port of its own: nothing is paired behind it, and whoever is admitted is the test's. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { ClientCredentials } from "@serverless-relay/testkit";
import { OuterClient, until } from "@serverless-relay/testkit";
import type { RelayEvent } from "../events.ts";
import { Admission, type AdmissionLimits, type Admitted, type Authorize, type Protocol } from "./admission.ts";
import { Gate, type Place } from "./gate.ts";
import type { Credentials } from "./tls-server.ts";

export const LIMITS: AdmissionLimits = {
  headSize: 16_384,
  handshakeTimeoutMs: 20_000,
  requestTimeoutMs: 20_000,
  detachTimeoutMs: 20_000,
};

export class AdmissionBed {
  readonly admission: Admission;
  readonly gate = new Gate({ handshakes: 1_000, handshakesPerAddress: 1_000, arrivalsPerAddress: 10_000 });
  readonly events: RelayEvent[] = [];
  /** in the order in which they came */
  readonly accepted: { socket: Socket; place: Place }[] = [];
  readonly admitted: Admitted<string>[] = [];
  /** what `admit` threw */
  readonly thrown: unknown[] = [];
  /** decides on whoever comes; what it returns is the grant */
  authorize: Authorize<string> = () => "granted";
  protocol: Protocol = "connect";
  readonly #server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.#admit(socket));
  readonly #clients: { destroy(): void }[] = [];

  constructor(credentials: Credentials, limits: Partial<AdmissionLimits> = {}) {
    this.admission = new Admission(credentials, { ...LIMITS, ...limits }, (event) => this.events.push(event));
  }

  async open(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Through the outer handshake. */
  async dial(self: ClientCredentials): Promise<OuterClient> {
    const client = await OuterClient.dial(this.port, self);
    this.#clients.push(client);
    return client;
  }

  /** Somebody is admitted by now. */
  async someone(): Promise<Admitted<string>> {
    return await until("somebody is admitted", () => this.admitted.at(-1));
  }

  /** What the last one that was not admitted is reported with, once `admit` has thrown. */
  async report(): Promise<RelayEvent> {
    await until("admit has thrown", () => this.thrown.length > 0);
    return await until("it is reported", () => this.events.at(-1));
  }

  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.destroy();
    for (const { socket } of this.accepted) socket.destroy();
  }

  async #admit(socket: Socket): Promise<void> {
    const place = this.gate.enter(socket);
    this.accepted.push({ socket, place });
    socket.on("error", () => {});
    try {
      const authorize: Authorize<string> = (...asked) => this.authorize(...asked);
      this.admitted.push(await this.admission.admit(socket, place, this.protocol, authorize));
    } catch (error) {
      this.thrown.push(error);
    }
  }
}
