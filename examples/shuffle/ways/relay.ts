/** Through the relay: a channel for each pair, mTLS from end to end. */
import { once } from "node:events";
import { connect } from "@serverless-relay/client";
import type { Exchange, Place } from "../exchange.ts";

export function relayExchange({ relay, cert, key, ca }: Extract<Place, { way: "relay" }>): Exchange {
  const meet = async (peer: string, mapper: number, reducer: number) => {
    const channel = `m${mapper}-r${reducer}`;
    const role = peer === "reducer" ? "client" : "server";
    return (await connect({ relay, peer, channel, role, identity: { cert, key, ca } })).socket;
  };
  return {
    async send(mapper, reducer) {
      const socket = await meet("reducer", mapper, reducer);
      return {
        async write(block) {
          if (!socket.write(block)) await once(socket, "drain");
        },
        async end() {
          socket.resume().end();
          await once(socket, "close");
        },
      };
    },
    receive: (mapper, reducer) => meet("mapper", mapper, reducer),
    close: async () => {},
  };
}
