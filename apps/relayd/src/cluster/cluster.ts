/**
 * This relay as one of several: its parked functions are offered to the others, theirs are found, and the two are joined by
 * a hop from relay to relay. What is said goes by way of NATS (packages/relay-cluster); bytes never do.
 */
import { randomUUID } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";
import {
  Claims,
  connectNats,
  type Grant,
  KvRoutes,
  NatsBus,
  PeerDialer,
  Presence,
  type RelaySummary,
  RollCall,
} from "@serverless-relay/cluster";
import type * as api from "@serverless-relay/control-api";
import {
  type Credentials,
  type Elsewhere,
  Hops,
  type Observer,
  type RelayLimits,
  type Seeker,
} from "@serverless-relay/core";
import type { Logger } from "pino";
import type { ClusterConfig } from "../config/cluster.ts";
import { Listener } from "../listening/listener.ts";
import type { RouteBook } from "../route-book.ts";
import { ClusterError } from "./cluster-error.ts";
import { ClusterWaiter } from "./cluster-waiter.ts";
import { HopLog } from "./hop-log.ts";

interface ClusterOptions {
  readonly config: ClusterConfig;
  /** for other relays: the certificate and key of this one, the CA of all */
  readonly credentials: Credentials;
  readonly log: Logger;
}

/** What of the relay the cluster works with. */
interface Served {
  readonly book: RouteBook;
  readonly observe: Observer;
  readonly limits: RelayLimits;
  /** what the other relays are told of this one */
  readonly summary: () => Omit<RelaySummary, "id" | "address" | "routesAge">;
}

export class Cluster implements Elsewhere {
  readonly id = randomUUID();
  readonly routes: KvRoutes;
  readonly #options: ClusterOptions;
  readonly #nats: NatsConnection;
  readonly #bus: NatsBus;
  readonly #claims: Claims<ClusterWaiter>;
  readonly #presence: Presence;
  readonly #dialer: PeerDialer;
  readonly #hopLog: HopLog;
  #rollCall: RollCall | null = null;
  #hops: Hops | null = null;
  #listener: Listener | null = null;

  private constructor(options: ClusterOptions, nats: NatsConnection, bus: NatsBus, routes: KvRoutes) {
    this.#options = options;
    this.#nats = nats;
    this.#bus = bus;
    this.routes = routes;
    this.#hopLog = new HopLog(options.log);
    this.#dialer = new PeerDialer(options.credentials);
    const { name, advertise } = options.config;
    this.#claims = new Claims(bus, prefixOf(name), { id: this.id, address: formatAddress(advertise) });
    this.#presence = new Presence(bus, prefixOf(name), this.id, () => this.#claims.lookForAll());
  }

  /** Throws ClusterError. */
  static async open(options: ClusterOptions): Promise<Cluster> {
    try {
      return await Cluster.#join(options);
    } catch (error) {
      throw new ClusterError(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  static async #join(options: ClusterOptions): Promise<Cluster> {
    const { config, log } = options;
    const { servers, replicas, ca, cert, key, credentials } = config.nats;
    const tls = ca === undefined && cert === undefined ? undefined : { ca, cert, key };
    const wish = { servers, ...(tls && { tls }), ...(credentials !== undefined && { credentials }) };
    const nats = await connectNats(wish, `relayd ${formatAddress(config.advertise)}`);
    try {
      const bus = new NatsBus(nats, (error) =>
        log.warn({ err: error }, "a message of another relay was not understood"),
      );
      const report = (error: Error) => log.warn({ err: error }, "the cluster's routes are not in step");
      const bucket = `relayd_${config.name}_routes`;
      const routes = await KvRoutes.open(nats, { bucket, replicas, isThere: () => bus.isThere, report });
      return new Cluster(options, nats, bus, routes);
    } catch (error) {
      await nats.close();
      throw error;
    }
  }

  /** Keeps the book in step with the cluster's routes, and serves other relays. Throws ListenError. */
  async serve({ book, observe, limits, summary }: Served): Promise<void> {
    const { credentials, config, log } = this.#options;
    this.routes.onChange((change) => {
      book.follow(change).catch((error: unknown) => log.error({ err: error }, "a route of the cluster is not served"));
    });
    const { name, advertise } = config;
    const self = { id: this.id, address: formatAddress(advertise) };
    this.#rollCall = new RollCall(this.#bus, prefixOf(name), () => ({
      ...self,
      routesAge: this.routes.age,
      ...summary(),
    }));
    const hops = new Hops({ credentials, names: config.tls.names, limits, observe, redeem: this.#redeem });
    this.#hops = hops;
    this.#listener = await Listener.open("cluster.peerListen", config.peerListen, (socket) => hops.accept(socket));
  }

  state(): api.ClusterState {
    return {
      name: this.#options.config.name,
      id: this.id,
      nats: this.#bus.isThere ? "connected" : "away",
      routesAge: this.routes.age,
      ...this.#claims.size,
      hops: { ...this.#hopLog.outcomes },
    };
  }

  /** All the relays that answer, this one first. */
  async relays(): Promise<api.ClusterRelay[]> {
    return (await this.#rollCall?.call()) ?? [];
  }

  seek(seeker: Seeker): () => void {
    return this.#claims.seek(new ClusterWaiter(`${this.id}-${seeker.connection}`, seeker, this.#meet));
  }

  /**
   * For hops from now on, in both directions; those under way stay. `names`: what another relay's certificate may bear. Throws, and
   * changes nothing, if they are not usable.
   */
  setCredentials(credentials: Credentials, names: readonly string[]): void {
    this.#hops?.setCredentials(credentials, names);
    this.#dialer.setCredentials(credentials);
  }

  /** No claim is honoured, and nobody is sought, from now on. */
  async close(): Promise<void> {
    this.#presence.close();
    this.#claims.close();
    this.#dialer.close();
    this.#rollCall?.close();
    this.#listener?.close();
    this.#hops?.close();
    await this.routes.close();
    await this.#nats.close();
  }

  readonly #meet = async (seeker: Seeker, grant: Grant): Promise<void> => {
    try {
      const hop = await this.#dialer.dial(grant, seeker);
      if (!(await seeker.meet(hop))) throw new Error("the function left, or the hop broke");
    } catch (error) {
      this.#hopLog.noteFailed(grant.address, error);
      throw error;
    }
    this.#hopLog.noteMet();
  };

  readonly #redeem = (claim: string) => {
    const waiter = this.#claims.redeem(claim);
    return (
      waiter && {
        meet: (hop: Parameters<Seeker["meet"]>[0]) => waiter.seeker.meet(hop),
        putBack: () => this.#claims.putBack(waiter),
      }
    );
  };
}

function prefixOf(name: string): string {
  return `relayd.${name}`;
}

function formatAddress({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
