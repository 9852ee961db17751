/** Through NATS: a subject for each pair. The last block of each window is a request, which the reducer answers. */
import { connect } from "@nats-io/transport-node";
import { type Exchange, type Place, WINDOW } from "../exchange.ts";

const PATIENCE = { timeout: 60_000 };
const END = new Uint8Array(0);

export async function natsExchange({ port }: Extract<Place, { way: "nats" | "redis" }>): Promise<Exchange> {
  const connection = await connect({ port });
  return {
    async send(mapper, reducer) {
      const subject = `shuffle.${mapper}.${reducer}`;
      let written = 0;
      return {
        async write(block) {
          if (++written % WINDOW === 0) await connection.request(subject, block, PATIENCE);
          else connection.publish(subject, block);
        },
        async end() {
          await connection.request(subject, END, PATIENCE);
        },
      };
    },
    async receive(mapper, reducer) {
      const subscription = connection.subscribe(`shuffle.${mapper}.${reducer}`);
      await connection.flush();
      return (async function* () {
        for await (const message of subscription) {
          if (message.data.length === 0) {
            message.respond();
            return;
          }
          yield Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length);
          if (message.reply !== undefined && message.reply !== "") message.respond();
        }
      })();
    },
    close: () => connection.drain(),
  };
}
