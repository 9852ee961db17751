import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { RunningNats, until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { connectNats, NatsUnreachable } from "./nats-connection.ts";

let directory: string;
let config: string;
let credentials: string;
let nats: RunningNats;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "relay-nats-credentials-"));
  [config, credentials] = [join(directory, "nats.conf"), join(directory, "relay.creds")];
  await admitAlone(await renew());
  nats = await RunningNats.start({ config });
});

afterEach(async () => {
  await nats.stop();
  await rm(directory, { recursive: true });
});

/** New credentials in the file, as nsc writes it. Returns the user's public key. The server wants no operator's word for it. */
async function renew(): Promise<string> {
  const user = nkeys.createUser();
  const part = (what: string, text: string) => `-----BEGIN ${what}-----\n${text}\n------END ${what}------\n`;
  const seed = new TextDecoder().decode(user.getSeed());
  await writeFile(credentials, `${part("NATS USER JWT", "not.looked.at")}\n${part("USER NKEY SEED", seed)}`);
  return user.getPublicKey();
}

/** From its next start on, the server lets nobody else in. */
function admitAlone(user: string): Promise<void> {
  return writeFile(config, `authorization { users: [ { nkey: ${user} } ] }\n`);
}

it("credentials that were renewed are used when NATS is dialled again, without a restart", async () => {
  const connection = await connectNats({ servers: nats.urls, credentials }, "a test");
  await nats.halt();
  await admitAlone(await renew());
  await nats.boot();
  const flushed = () =>
    connection.flush().then(
      () => true,
      () => false,
    );
  await until("it is back", flushed);
  await connection.close();
});

it("credentials that NATS has turned away again and again are good once it takes them", async () => {
  const user = await renew();
  await admitAlone(user);
  await nats.halt();
  await nats.boot();
  const connection = await connectNats({ servers: nats.urls, credentials }, "a test");
  let turnedAway = 0;
  void (async () => {
    for await (const { type } of connection.status()) if (type === "disconnect" || type === "error") turnedAway++;
  })();
  await nats.halt();
  await admitAlone(nkeys.createUser().getPublicKey());
  await nats.boot();
  await until("it was turned away several times", () => Promise.resolve(turnedAway > 5));
  await nats.halt();
  await admitAlone(user);
  await nats.boot();
  const flushed = () =>
    connection.flush().then(
      () => true,
      () => false,
    );
  await until("it is back", flushed);
  await connection.close();
});

it("without credentials, or with a stranger's, it says what to see to", async () => {
  const refused = expect(connectNats({ servers: nats.urls }, "a test")).rejects;
  await refused.toThrow(NatsUnreachable);
  await renew();
  await expect(connectNats({ servers: nats.urls, credentials }, "a test")).rejects.toThrow(
    /see to its address and credentials/,
  );
});
