/**
 * What a client sends between its request and the session: close_notify, in all the forms that it may have, or something else.
 * Each in one flight with the request, behind it, and in pieces.
 */
import { setImmediate } from "node:timers/promises";
import {
  connectHead,
  type FunctionFiles,
  OuterClient,
  park,
  RunningRelay,
  readAll,
  readHead,
} from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContentType, plain, RecordWriter } from "./detach/record-writer.ts";

const HEAD = Buffer.from(connectHead("f2:443", { "Relay-Transport": "raw" }));
const CLOSE_NOTIFY = Buffer.from([1, 0]);
/** Looks like a close_notify itself. */
const INNER = Buffer.concat([plain(ContentType.alert, CLOSE_NOTIFY), Buffer.from("first bytes")]);
const CLIENT_HELLO = Buffer.concat([Buffer.from([1, 0, 0, 40, 3, 3]), Buffer.alloc(38)]);

/** The records that come behind the request; each is called once, in order, for they are numbered. */
type Records = (writer: RecordWriter) => Buffer;

const alert =
  (...bytes: number[]): Records =>
  (writer) =>
    writer.protect(ContentType.alert, Buffer.from(bytes));
const closeNotify = alert(1, 0);
const handshake =
  (content: Buffer): Records =>
  (writer) =>
    writer.protect(ContentType.handshake, content);
const data =
  (text: string): Records =>
  (writer) =>
    writer.protect(ContentType.applicationData, Buffer.from(text));
const all =
  (...parts: Records[]): Records =>
  (writer) =>
    Buffer.concat(parts.map((part) => part(writer)));
const changed =
  (records: Records, change: (bytes: Buffer) => Buffer): Records =>
  (writer) =>
    change(records(writer));

/** Each asks the relay for one of its own, which it owes before the next application data it sends: and there is none. */
const keyUpdates =
  (count: number): Records =>
  (writer) =>
    Buffer.concat(Array.from({ length: count }, () => writer.keyUpdate(true)));

/** The first bytes of the session are what comes behind the first close_notify. */
const DETACHED: readonly (readonly [what: string, records: Records, behind: Records])[] = [
  ["close_notify", closeNotify, bareBytes(INNER)],
  ["close_notify that says that it is fatal", alert(2, 0), bareBytes(INNER)],
  ["a padded close_notify", (writer) => writer.protect(ContentType.alert, CLOSE_NOTIFY, 1000), bareBytes(INNER)],
  ["KeyUpdate, then close_notify", all((writer) => writer.keyUpdate(false), closeNotify), bareBytes(INNER)],
  ["KeyUpdate that asks for one, then close_notify", all(keyUpdates(1), closeNotify), bareBytes(INNER)],
  ["fifty of them, then close_notify", all(keyUpdates(50), closeNotify), bareBytes(INNER)],
  ["close_notify twice", closeNotify, all(closeNotify, bareBytes(INNER))],
  ["close_notify, and more records", closeNotify, all(data("more"), alert(2, 80), closeNotify, bareBytes(INNER))],
];

const DROPPED: readonly (readonly [what: string, records: Records])[] = [
  ["a fatal alert", alert(2, 80)],
  ["a certificate that is refused", alert(2, 42)],
  ["user_canceled, then close_notify", all(alert(1, 90), closeNotify)],
  ["a warning that nobody knows", alert(1, 112)],
  ["half of an alert", alert(1)],
  ["two alerts in one record", alert(1, 0, 1, 0)],
  ["an empty alert", alert()],
  ["application data, then close_notify", all(data("more"), closeNotify)],
  ["a ClientHello, to negotiate anew", all(handshake(CLIENT_HELLO), closeNotify)],
  ["a ClientHello in the clear", all(bareBytes(plain(ContentType.handshake, CLIENT_HELLO)), closeNotify)],
  ["a HelloRequest", all(handshake(Buffer.from([0, 0, 0, 0])), closeNotify)],
  ["a NewSessionTicket", all(handshake(Buffer.from([4, 0, 0, 2, 0, 0])), closeNotify)],
  ["a KeyUpdate that is malformed", all(handshake(Buffer.from([24, 0, 0, 1, 7])), closeNotify)],
  ["close_notify in the clear", bareBytes(plain(ContentType.alert, CLOSE_NOTIFY))],
  [
    "change_cipher_spec, then close_notify",
    all(bareBytes(plain(ContentType.changeCipherSpec, Buffer.from([2]))), closeNotify),
  ],
  ["a record of no type", all((writer) => writer.protect(0, CLOSE_NOTIFY), closeNotify)],
  [
    "a close_notify that was tampered with",
    changed(closeNotify, (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])])),
  ],
  [
    "a close_notify with a wrong length",
    changed(closeNotify, (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from("first bytes")])),
  ],
  [
    "an old record once more",
    (writer) => {
      const one = closeNotify(writer);
      return Buffer.concat([data("")(writer), one]);
    },
  ],
  ["half of a close_notify", changed(closeNotify, (bytes) => bytes.subarray(0, 12))],
  ["the header of a close_notify", changed(closeNotify, (bytes) => bytes.subarray(0, 5))],
  ["nothing", bareBytes(Buffer.alloc(0))],
];

const WAYS = ["in one flight with the request", "once the relay has sent its own", "in pieces"] as const;
const PIECE = 7;

let relay: RunningRelay;
let f1: FunctionFiles;
let f2: FunctionFiles;

beforeAll(async () => {
  relay = await RunningRelay.start({ routes: [["f1", "f2"]], yaml: "limits: { detachTimeout: 1s }" });
  f1 = await relay.issue("f1");
  f2 = await relay.issue("f2");
});

afterAll(() => relay.finish());

/** Sends the request, `records`, and what comes behind them. Gives the connection, and when it is bare. */
async function send(how: (typeof WAYS)[number], records: Records, behind: Records) {
  const keylog: string[] = [];
  const client = await OuterClient.dial(relay.port, f1, { onKeylog: (line) => keylog.push(line) });
  const { address } = client;
  const writer = new RecordWriter(client.tls.getCipher().standardName, keylog);
  await client.flight(""); // which node:tls would send, and does not
  const bare = client.bare();
  bare.catch(() => {});
  const request = writer.protect(ContentType.applicationData, HEAD);
  const detaching = records(writer);
  const rest = behind(writer);
  if (how === "in one flight with the request") {
    client.socket.write(Buffer.concat([request, detaching, rest]));
    return { client, bare, address };
  }
  client.socket.write(request);
  if (how === "once the relay has sent its own") {
    await bare;
    client.socket.write(Buffer.concat([detaching, rest]));
    return { client, bare, address };
  }
  for (let at = 0; at < detaching.length; at += PIECE) {
    client.socket.write(detaching.subarray(at, at + PIECE));
    await setImmediate();
  }
  client.socket.write(rest);
  return { client, bare, address };
}

describe.each(WAYS)("%s", (how) => {
  it.each(DETACHED)("%s: parked, and what is behind it is the session", async (_what, records, behind) => {
    const far = await park(relay, f2, "f1");
    let sent: Buffer = Buffer.alloc(0);
    const { client, bare } = await send(how, records, (writer) => {
      sent = behind(writer);
      return sent;
    });
    const session = await bare;
    expect(await readHead(session)).toMatch(/^HTTP\/1\.1 200 /);
    session.end();
    await far.paired();
    expect((await readAll(far.stream)).equals(sent)).toBe(true);
    far.stream.end("and back");
    expect((await readAll(session)).toString()).toBe("and back");
    client.destroy();
    far.destroy();
  });

  it("anything else: dropped, and the peer hears nothing of it", async () => {
    const far = await park(relay, f2, "f1");
    const reasons = await Promise.all(
      DROPPED.map(async ([what, records]) => {
        const { client, address } = await send(how, records, bareBytes(INNER));
        const { reason } = (await relay.logged("dropped", { address })) as { reason?: string };
        client.destroy();
        return `${what}: ${String(reason)}`;
      }),
    );
    expect(reasons.filter((line) => !/: detach_(?:violated|timeout)$|: client_gone$/.test(line))).toEqual([]);
    const { client, bare } = await send(how, closeNotify, bareBytes(INNER));
    (await bare).end();
    await far.paired();
    expect((await readAll(far.stream)).equals(INNER)).toBe(true);
    client.destroy();
    far.destroy();
  });
});

function bareBytes(bytes: Buffer): Records {
  return () => bytes;
}
