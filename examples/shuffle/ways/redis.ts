/** Through Redis: a list for each pair, and one for the answers, of which each window has one. */
import { createClient, RESP_TYPES } from "@redis/client";
import { type Exchange, type Place, WINDOW } from "../exchange.ts";

const PATIENCE_S = 60;
const END = Buffer.alloc(0);

export function redisExchange({ port }: Extract<Place, { way: "nats" | "redis" }>): Exchange {
  const opened: { close(): Promise<void> }[] = [];
  /** Blocking commands hold up their connection: each conversation has one of its own. */
  const open = async () => {
    const client = createClient({
      url: `redis://127.0.0.1:${port}`,
      commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    });
    client.on("error", () => {}); // it is reported by the command under way
    await client.connect();
    opened.push(client);
    return client;
  };
  const popped = (answer: { element: Buffer } | null): Buffer => {
    if (answer === null) throw new Error(`nothing came for ${PATIENCE_S} s`);
    return answer.element;
  };
  return {
    async send(mapper, reducer) {
      const client = await open();
      const [blocks, answers] = keys(mapper, reducer);
      let written = 0;
      return {
        async write(block) {
          await client.rPush(blocks, block);
          // One window ahead of the answers: the reducer has work while the answer is under way.
          if (++written % WINDOW === 0 && written > WINDOW) popped(await client.blPop(answers, PATIENCE_S));
        },
        async end() {
          await client.rPush(blocks, END);
        },
      };
    },
    async receive(mapper, reducer) {
      const client = await open();
      const [blocks, answers] = keys(mapper, reducer);
      return (async function* () {
        for (let read = 1; ; read++) {
          const block = popped(await client.blPop(blocks, PATIENCE_S));
          if (block.length === 0) return;
          yield block;
          if (read % WINDOW === 0) await client.rPush(answers, "1");
        }
      })();
    },
    close: async () => {
      await Promise.all(opened.map((client) => client.close()));
    },
  };
}

function keys(mapper: number, reducer: number): [string, string] {
  return [`shuffle:${mapper}:${reducer}`, `shuffle:${mapper}:${reducer}:answers`];
}
