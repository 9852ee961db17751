import { createAuthority } from "@serverless-relay/pki";
import {
  ask,
  connectHead,
  type End,
  type FunctionFiles,
  OuterClient,
  park,
  type RunningRelay,
  refusalReason,
} from "@serverless-relay/testkit";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { RunningCluster } from "./running-cluster.ts";

const PEERS = { ips: ["127.0.0.1"], dnsNames: ["localhost"], usages: ["clientAuth", "serverAuth"] } as const;

let cluster: RunningCluster;
let f1: FunctionFiles;
let f2: FunctionFiles;
let ends: End[] = [];

beforeAll(async () => {
  cluster = await RunningCluster.start({ relays: 2, routes: [["f1", "f2"]] });
  [f1, f2] = [await cluster.issue("f1"), await cluster.issue("f2")];
});
afterEach(() => {
  for (const end of ends) end.destroy();
  ends = [];
});
afterAll(() => cluster.stop());

/** f1 at the first relay, f2 at the second, so that there is a hop. */
async function meetAcross(): Promise<readonly [End, End]> {
  const one = await park(cluster.relay(0), f1, "f2");
  const other = await ask(cluster.relay(1), f2, "f1");
  ends.push(one, other);
  await Promise.all([one.paired(), other.paired()]);
  return [one, other];
}

async function expectEcho([from, to]: readonly [End, End]): Promise<void> {
  const heard = new Promise<string>((resolve) => to.stream.once("data", (chunk: Buffer) => resolve(chunk.toString())));
  from.stream.write("still here");
  expect(await heard).toBe("still here");
}

async function peerIsTold(identity: { cert: string; key: string }, ca: string): Promise<string | undefined> {
  const client = await OuterClient.dial(cluster.peerPort(0), { ...identity, ca });
  client.request(connectHead("f2:443", { "Relay-Transport": "raw", "Relay-Channel": "a-claim" }));
  return refusalReason(await client.answer());
}

it("those of another CA are taken up: new hops go by them, a session under way stays, the former are refused", async () => {
  const under = await meetAcross();
  const former = await cluster.peerIdentity();
  const next = await createAuthority({ commonName: "relays, from now on" });
  const take = async (relay: RunningRelay) => {
    const { certPem, keyPem } = await next.issue({ ...PEERS, usages: [...PEERS.usages] });
    await relay.write("peer.pem", certPem);
    await relay.write("peer.key", keyPem);
    await relay.write("peers-ca.pem", next.certPem);
    await relay.control.reload();
  };
  for (const relay of cluster.relays) await take(relay);
  expect(await peerIsTold(former, next.certPem)).toBe("certificate_unknown_issuer");
  await expectEcho(await meetAcross());
  await expectEcho(under);
});

it("the key of another certificate changes nothing, and is told", async () => {
  const relay = cluster.relay(0);
  const key = await relay.read("peer.key");
  await relay.write("peer.key", (await cluster.peerIdentity()).key);
  await expect(relay.control.reload()).rejects.toThrow(/cluster\.tls\.key .*is not the key of the certificate/);
  await expectEcho(await meetAcross());
  await relay.write("peer.key", key);
});
