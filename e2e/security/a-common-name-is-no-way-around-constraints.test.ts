import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { secure } from "@serverless-relay/client";
import { type CertifiedNames, type ChainPlan, chainPlans, soundIssuer } from "@serverless-relay/protocol-model";
import { Issuing } from "@serverless-relay/testkit/chains";
import { afterAll, beforeAll, expect, it } from "vitest";

const NOW = Date.now();
const server = createServer({ allowHalfOpen: true });
const sockets: Socket[] = [];
let issuing: Issuing;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  issuing = await Issuing.begin(soundIssuer(NOW));
});

afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

/** A function under a CA that may issue no name within f1. */
async function below(names: CertifiedNames, id: number) {
  const plan = chainPlans(100, 1, NOW).find(({ flaw }) => flaw === "a common name below constraints");
  if (plan === undefined) throw new Error("there is no such plan");
  const [leaf, ...issuers] = plan.certificates;
  if (leaf === undefined) throw new Error("it has no leaf");
  const own: ChainPlan = { ...plan, certificates: [{ ...leaf, names }, ...issuers] };
  const { cert, key } = await issuing.issue(own, id);
  return { cert, key, ca: issuing.anchors };
}

async function ends(): Promise<[Socket, Socket]> {
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const dialled = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  const pair: [Socket, Socket] = [dialled, (await accepted)[0]];
  for (const socket of pair) sockets.push(socket.on("error", () => {}));
  return pair;
}

const NAMED: CertifiedNames = { san: { uris: [], dns: ["f2"] }, commonNames: [] };

it.each(["client", "server"] as const)("not at a function that is the TLS %s of its peer", async (role) => {
  const [near, far] = await ends();
  const other = role === "client" ? "server" : "client";
  const impostor = secure(far, {
    role: other,
    peer: "f2",
    identity: await below({ san: null, commonNames: ["f1"] }, 1),
  });
  impostor.then(
    (socket) => socket.on("error", () => {}),
    () => {},
  );
  const attempt = secure(near, { role, peer: "f1", identity: await below(NAMED, 2) });
  await expect(attempt.then(() => "verified")).rejects.toThrow("f1 was not verified");
});

it("and the constraints keep nobody else out", async () => {
  const [near, far] = await ends();
  const both = [
    secure(near, { role: "client", peer: "f3", identity: await below(NAMED, 3) }),
    secure(far, {
      role: "server",
      peer: "f2",
      identity: await below({ san: { uris: [], dns: ["f3"] }, commonNames: [] }, 4),
    }),
  ];
  for (const socket of await Promise.all(both)) socket.on("error", () => {}).destroy();
});
