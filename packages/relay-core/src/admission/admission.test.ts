/** Who is admitted, and as what; who is not, and what the log says of it, is in not-admitted.test.ts. */
import { connectHead, readAll, until } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { functionIdentity, makeCertificates } from "../relay.test-support.ts";
import { AdmissionBed } from "./admission.test-support.ts";
import { Dropped } from "./drops.ts";
import type { Credentials } from "./tls-server.ts";

type Self = Awaited<ReturnType<typeof functionIdentity>>;

const RAW = connectHead("f2:443", { "Relay-Transport": "raw" });

let credentials: Credentials;
let f1: Self;
let bed: AdmissionBed;

beforeAll(async () => {
  const { authority, relay } = await makeCertificates();
  credentials = { cert: relay.certPem, key: relay.keyPem, ca: authority.certPem };
  f1 = await functionIdentity(authority, "f1", "f1-too");
});
beforeEach(async () => {
  bed = await new AdmissionBed(credentials).open();
});
afterEach(() => bed.close());

describe("whoever asks for transport tls", () => {
  it("is admitted inside its TLS, with its identity, its request, and what it was granted", async () => {
    const client = await bed.dial(f1);
    client.request(connectHead("f2:443", { "Relay-As": "f1", "Relay-Role": "server", Prefer: "wait=7" }));
    const admitted = await bed.someone();
    expect(admitted).toMatchObject({
      address: client.address,
      connection: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      grant: "granted",
      transport: "tls",
      identity: { names: ["f1", "f1-too"] },
      request: { peer: "f2", channel: "443", transport: "tls", as: "f1", role: "server", wait: 7 },
    });
    expect(admitted.durationMs).toBeGreaterThan(0);
    expect(admitted.link).toMatchObject({ kind: "tls", socket: bed.accepted[0]?.socket });
    expect([bed.gate.size, bed.events, bed.thrown]).toEqual([0, [], []]);
  });

  it("is heard from its first byte behind the request on, and hears what is said, until either has ended", async () => {
    const client = await bed.dial(f1);
    client.request(`${connectHead("f2:443")}first,`);
    const { link } = await bed.someone();
    if (link.kind !== "tls") throw new Error("it asked for tls");
    client.tls.end(" second, and last");
    expect((await readAll(link.tls)).toString()).toBe("first, second, and last");
    link.tls.end("the answer");
    expect(await client.answer()).toBe("the answer");
    await until("the connection has ended", () => link.socket.writableFinished); // and not its TLS alone
  });
});

describe("whoever asks for transport raw", () => {
  it("is admitted on the bare connection, with whatever it sent behind its close_notify", async () => {
    const client = await bed.dial(f1);
    client.socket.write(Buffer.concat([await client.flight(RAW), Buffer.from("inner bytes")]));
    const { link, transport, request } = await bed.someone();
    if (link.kind !== "bare") throw new Error("it asked for raw");
    expect([transport, request?.transport, link.socket]).toEqual(["raw", "raw", bed.accepted[0]?.socket]);
    const bare = await client.bare();
    bare.end(", and more");
    const rest = await readAll(link.socket);
    expect(Buffer.concat([link.readAhead, rest]).toString()).toBe("inner bytes, and more");
    link.socket.end("nothing of TLS");
    expect((await readAll(bare)).toString()).toBe("nothing of TLS");
  });

  it("may wait for the relay's close_notify, which comes as soon as it is authorized, and is not in the way of others", async () => {
    const client = await bed.dial(f1);
    client.request(RAW);
    expect(await client.answer()).toBe("");
    expect([bed.gate.size, bed.admitted]).toEqual([0, []]);
    client.socket.write(await client.flight(""));
    expect((await bed.someone()).transport).toBe("raw");
  });
});

describe("behind a bare listener", () => {
  it("whoever has a certificate is admitted with no request, inside its TLS", async () => {
    bed.protocol = "bare";
    let asked: unknown[] = [];
    bed.authorize = (...all) => {
      asked = all;
      return "its end";
    };
    const client = await bed.dial(f1);
    client.tls.end("not a request at all");
    const admitted = await bed.someone();
    expect(admitted).toMatchObject({ request: null, transport: "tls", grant: "its end" });
    expect(asked).toEqual([admitted.identity, null, null]);
    if (admitted.link.kind !== "tls") throw new Error("it speaks no CONNECT");
    expect((await readAll(admitted.link.tls)).toString()).toBe("not a request at all");
  });
});

describe("an admitted connection", () => {
  it("has one identity with all others of the same certificate", async () => {
    for (let count = 1; count <= 2; count++) {
      (await bed.dial(f1)).request(connectHead("f2:443"));
      await until("it is admitted", () => bed.admitted.length === count);
    }
    expect(bed.admitted[0]?.identity).toBe(bed.admitted[1]?.identity);
    expect(bed.admitted[0]?.connection).not.toBe(bed.admitted[1]?.connection);
  });

  it("is cut off if it is told, late, to make room", async () => {
    const client = await bed.dial(f1);
    client.request(connectHead("f2:443"));
    const { link } = await bed.someone();
    bed.accepted[0]?.place.onCrowdedOut(new Dropped("too_many_handshakes"));
    expect([link.socket.destroyed, bed.events]).toEqual([true, []]);
  });
});
