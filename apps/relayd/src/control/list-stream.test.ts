import { once } from "node:events";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { streamList } from "./list-stream.ts";

const ITEMS = 20_000;
let server: Server;
let made = 0;
let madeInThisTurn = 0;

function* items(count: number): Generator<{ n: number; text: string }, void, undefined> {
  for (let n = 0; n < count; n++) {
    made++;
    madeInThisTurn++;
    yield { n, text: "x".repeat(100) };
  }
}

beforeEach(async () => {
  [made, madeInThisTurn] = [0, 0];
  server = createServer(({ headers, url = "/" }, response) => {
    streamList(response, "things", items(Number(url.slice(1))), headers.accept);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  const closed = once(server, "close");
  server.close();
  await closed;
});

async function ask(count: number, accept?: string): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  const headers = accept === undefined ? {} : { accept };
  const request = get({ port, host: "127.0.0.1", path: `/${count}`, agent: false, headers });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return answer;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of answer.setEncoding("utf8") as AsyncIterable<string>) text += part;
  return text;
}

describe("a list", () => {
  it.each([0, 1, ITEMS])("of %i is one document", async (count) => {
    const answer = await ask(count);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    const { things } = JSON.parse(await textOf(answer)) as { things: { n: number }[] };
    expect(things.map(({ n }) => n)).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it.each([0, 1, ITEMS])("of %i is an item a line for whoever accepts that", async (count) => {
    const answer = await ask(count, "text/html, application/x-ndjson;q=0.9");
    expect(answer.headers["content-type"]).toBe("application/x-ndjson");
    const lines = (await textOf(answer)).split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual(
      Array.from({ length: count }, (_, n) => n),
    );
  });

  it("is made a little in each turn of the event loop, however fast it is read", async () => {
    const turns: number[] = [];
    const answer = textOf(await ask(ITEMS));
    for (madeInThisTurn = 0; made < ITEMS; madeInThisTurn = 0) {
      await nextTurn();
      turns.push(madeInThisTurn);
    }
    await answer;
    expect(Math.max(...turns)).toBeLessThan(ITEMS / 20);
  });

  it("is made no further than it is read", async () => {
    const count = 200_000;
    const answer = await ask(count);
    for (let idle = 0, before = made; idle < 50 && made < count; before = made) {
      await nextTurn();
      idle = made === before ? idle + 1 : 0;
    }
    expect(made).toBeLessThan(count / 2);
    answer.destroy();
  });
});
