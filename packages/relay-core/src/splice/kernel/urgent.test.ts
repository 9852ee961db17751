/** TCP's urgent data, which no honest protocol of today sends, and splice(2) does not pass: whoever sends it harms nobody. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { readAll } from "@serverless-relay/testkit";
import koffi from "koffi";
import { describe, expect, it } from "vitest";
import { type End, planeStage } from "../plane.test-support.ts";
import { descriptorOf } from "./hand-over.ts";
import { KernelPlane } from "./plane.ts";

const MSG_OOB = 1;
const MIB = 1 << 20;
const send = koffi.load(null).func("long send(int, const void *, size_t, int)");

async function write(socket: Socket, bytes: string | Buffer): Promise<void> {
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
}

function sendUrgent(socket: Socket, byte: string): void {
  expect(send(descriptorOf(socket), Buffer.from(byte), 1, MSG_OOB)).toBe(1);
}

async function received(socket: Socket, bytes: number): Promise<string> {
  let got = "";
  while (got.length < bytes) got += String((await once(socket, "data"))[0]);
  return got;
}

describe.each([
  ["", 100],
  ["out of pipes, ", 0],
])("%surgent data", (_, pipes) => {
  const stage = planeStage(() => new KernelPlane({ threads: 1, pipes }));

  async function pair(): Promise<[End, End]> {
    return [await stage.parked(), await stage.parked()];
  }

  it("arrives in its place, and so does what follows it", async () => {
    const [a, b] = await pair();
    const session = await stage.joined(a, b);
    const first = received(b.socket, 7);
    await write(a.socket, "abc");
    sendUrgent(a.socket, "!");
    await write(a.socket, "def");
    expect(await first).toBe("abc!def");
    const later = received(b.socket, 4);
    sendUrgent(a.socket, "?");
    await write(a.socket, "ghi");
    expect(await later).toBe("?ghi");
    a.socket.end();
    b.socket.end();
    expect(await session.ended).toMatchObject({ reason: "completed", bytes: [11, 0] });
  });

  it("is carried where all of it, and the end, had come before the peer did", async () => {
    const [a, b] = await pair();
    await write(a.socket, "abc");
    sendUrgent(a.socket, "!");
    await write(a.socket, "def");
    a.socket.end();
    const session = await stage.joined(a, b);
    expect(String(await readAll(b.socket))).toBe("abc!def");
    b.socket.end();
    expect(await session.ended).toMatchObject({ reason: "completed", bytes: [7, 0] });
  });

  it("is carried in the midst of much, at a limited rate too", async () => {
    const [a, b] = await pair();
    const session = await stage.plane.join(a.leg, Buffer.alloc(0), b.leg, Buffer.alloc(0), [
      stage.plane.openThrottle(16 * MIB),
    ]);
    const whole = readAll(b.socket);
    for (let block = 0; block < 4; block++) {
      await write(a.socket, Buffer.alloc(MIB / 2, `${block}`));
      sendUrgent(a.socket, "!");
    }
    a.socket.end("end");
    const expected = `${[0, 1, 2, 3].map((block) => `${`${block}`.repeat(MIB / 2)}!`).join("")}end`;
    expect((await whole).equals(Buffer.from(expected))).toBe(true);
    b.socket.end();
    expect(await session?.ended).toMatchObject({ reason: "completed" });
  });

  it("leaves the other sessions of its thread alone", async () => {
    const [a, b] = await pair();
    await stage.joined(a, b);
    sendUrgent(a.socket, "!");
    a.socket.end("more");
    const [c, d] = await pair();
    await stage.joined(c, d);
    const heard = received(d.socket, 5);
    await write(c.socket, "hello");
    expect(await heard).toBe("hello");
  });
});
