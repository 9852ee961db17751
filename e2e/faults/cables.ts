/** A relay, f1 and f2 on machines of their own: what the tests of pulled cables begin with. */
import { type FunctionFiles, Network, type Place, RunningRelay, type Wishes } from "@serverless-relay/testkit";

export interface Cables {
  readonly network: Network;
  readonly relay: RunningRelay;
  readonly f1: FunctionFiles;
  readonly f2: FunctionFiles;
  /** as `place`, over its cable */
  readonly from: (place: Place, wishes?: Wishes) => Wishes;
  remove(): Promise<void>;
}

export async function layCables(yaml: string): Promise<Cables> {
  const network = await Network.make();
  const relay = await RunningRelay.start({
    under: network.atRelay,
    shared: "0.0.0.0:0",
    routes: [["f1", "f2"]],
    yaml,
  }).catch(async (error: unknown) => {
    await network.remove();
    throw error;
  });
  return {
    network,
    relay,
    f1: await relay.issue("f1"),
    f2: await relay.issue("f2"),
    from: (place, wishes = {}) => ({ ...wishes, dial: (port) => network.dial(place, port) }),
    async remove() {
      await relay.stop();
      await network.remove();
    },
  };
}
