/**
 * KeyUpdate where the TLS stays (RFC 8446 §4.6.3): clients send it by themselves after many bytes, and ask for one in return.
 * What it does to a detach is in `only-close-notify-takes-the-tls-off.test.ts`.
 */
import {
  ask,
  connectHead,
  type FunctionFiles,
  OuterClient,
  RunningRelay,
  readAll,
  until,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ContentType, RecordWriter } from "./detach/record-writer.ts";

/** One in each state would not do: a second one makes the TLS layer write its answer to the first. */
const EACH_TIME = 3;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]] });
  [f1, f2] = [await relay.issue("f1"), await relay.issue("f2")];
});

afterAll(() => relay.finish());

/** f1, whose records are written by hand; node:tls reads. */
class Updating {
  readonly client: OuterClient;
  readonly #writer: RecordWriter;
  heard = "";

  private constructor(client: OuterClient, writer: RecordWriter) {
    this.client = client;
    this.#writer = writer;
    client.tls.on("data", (chunk: Buffer) => {
      this.heard += chunk.toString();
    });
  }

  static async dial(): Promise<Updating> {
    const keylog: string[] = [];
    const client = await OuterClient.dial(relay.port, f1, { onKeylog: (line) => keylog.push(line) });
    await client.flight(""); // from now on, node:tls sends nothing
    return new Updating(client, new RecordWriter(client.tls.getCipher().standardName, keylog));
  }

  say(text: string): void {
    this.client.socket.write(this.#writer.protect(ContentType.applicationData, Buffer.from(text)));
  }

  updateKeys(): void {
    for (let time = 0; time < EACH_TIME; time++) this.client.socket.write(this.#writer.keyUpdate(true));
  }

  end(): void {
    this.client.socket.write(this.#writer.protect(ContentType.alert, Buffer.from([1, 0])));
  }
}

it.each(["raw", "tls"] as const)(
  "before the request, parked, in the session, and half-closed: what is said arrives, at a peer by %s too",
  async (transport) => {
    const near = await Updating.dial();
    near.updateKeys();
    near.say(connectHead("f2:443"));
    near.updateKeys();
    await until("f1 is parked", async () => (await relay.control.listParked()).length === 1);
    near.updateKeys();
    const far = await ask(relay, f2, "f1", { transport });
    await far.paired();
    near.say("one, ");
    near.updateKeys();
    near.say("two, ");
    far.stream.end("all");
    await near.client.bare(); // the relay's close_notify: it sends nothing any more
    near.updateKeys();
    near.say("three, ");
    near.updateKeys();
    near.say("four");
    near.end();
    expect((await readAll(far.stream)).toString()).toBe("one, two, three, four");
    expect(near.heard).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nall$/);
    const [, session = ""] = /^Relay-Session: (.*)\r$/m.exec(near.heard) ?? [];
    expect(await relay.logged("ended", { session })).toMatchObject({ reason: "completed" });
    near.client.destroy();
    far.destroy();
  },
);

it("refused: the answer is read all the same", async () => {
  const near = await Updating.dial();
  near.updateKeys();
  near.say(connectHead("nobody:443"));
  near.updateKeys();
  await near.client.bare();
  near.updateKeys();
  expect(near.heard).toMatch(/^HTTP\/1\.1 403 [\s\S]*no_route: .*\n$/);
  near.client.destroy();
});
