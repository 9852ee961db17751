import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { converse } from "./conversation.ts";
import type { Task } from "./environment.ts";

const ALWAYS = new AbortController().signal;

function task(message: string, rounds: number): Task {
  return { mode: null, name: "f", target: { host: "h", port: 1 }, message, rounds, interval: 1 };
}

/** Two streams, each of which reads what is written to the other. */
function pair(): [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (side) =>
      new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, callback) {
          ends[1 - side]?.push(chunk);
          callback();
        },
        final(callback) {
          ends[1 - side]?.push(null);
          callback();
        },
      }),
  );
  return ends as [Duplex, Duplex];
}

async function talk(role: "client" | "server" | null, stream: Duplex, spoken: Task): Promise<string[]> {
  const printed: string[] = [];
  await converse(stream, role, spoken, (text) => printed.push(text), ALWAYS);
  return printed;
}

describe("a conversation", () => {
  it("is question and answer between client and server", async () => {
    const [a, b] = pair();
    const [client, server] = await Promise.all([
      talk("client", a, task("ping", 2)),
      talk("server", b, task("pong", 2)),
    ]);
    expect(client).toEqual([
      'sent "ping" (round 1)',
      'got "pong" (round 1)',
      'sent "ping" (round 2)',
      'got "pong" (round 2)',
      "done, 2 rounds",
    ]);
    expect(server).toEqual([
      'got "ping" (round 1)',
      'sent "pong" (round 1)',
      'got "ping" (round 2)',
      'sent "pong" (round 2)',
      "done, 2 rounds",
    ]);
  });

  it("goes on for as long as the client likes with a server of 0 rounds", async () => {
    const [a, b] = pair();
    const [, server] = await Promise.all([talk("client", a, task("ping", 3)), talk("server", b, task("pong", 0))]);
    expect(server.at(-1)).toBe("done, 3 rounds");
  });

  it("begins at both ends at once without roles", async () => {
    const [a, b] = pair();
    const printed = await Promise.all([talk(null, a, task("one", 1)), talk(null, b, task("two", 1))]);
    expect(printed[0]).toEqual(['sent "one" (round 1)', 'got "two" (round 1)', "done, 1 round"]);
    expect(printed[1]).toEqual(['sent "two" (round 1)', 'got "one" (round 1)', "done, 1 round"]);
  });

  it("fails if the other end leaves too soon", async () => {
    const [a, b] = pair();
    const server = talk("server", b, task("pong", 1));
    const client = talk("client", a, task("ping", 2));
    await expect(client).rejects.toThrow("the other end closed the connection in round 2 of 2");
    a.end();
    expect(await server).toEqual(['got "ping" (round 1)', 'sent "pong" (round 1)', 'got "ping"', "done, 1 round"]);
  });

  it("gives lines whole, however they come", async () => {
    const [a, b] = pair();
    const client = talk("client", a, task("ping", 1));
    b.resume().write("zwölf".slice(0, 2));
    const rest = Buffer.from("ölf\r\nand more\n");
    for (const byte of rest) b.write(Buffer.of(byte));
    b.end("last");
    expect(await client).toEqual([
      'sent "ping" (round 1)',
      'got "zwölf" (round 1)',
      'got "and more"',
      'got "last"',
      "done, 1 round",
    ]);
  });
});
