/** What relays ask and answer about who waits. JSON, checked on arrival: another version's message is a clear error. */
import { z } from "zod";

const id = z.string().min(1).max(128);
const role = z.enum(["client", "server"]);

/** "Does somebody wait there? Mine is this one." */
const askSchema = z.object({
  relay: id.describe("who asks"),
  arrival: id.describe("for whom; unique in the cluster"),
  role: role.optional().describe("the side of the inner TLS that it asked for"),
});
export type Ask = z.output<typeof askSchema>;

const answerSchema = z.discriminatedUnion("verdict", [
  z.object({
    verdict: z.literal("granted").describe("the one who waits is kept for the asker, for a short while"),
    claim: id.describe("to be shown at `address`"),
    relay: id,
    address: z.string().max(300).describe("host:port of the relay's peer listener"),
  }),
  z.object({ verdict: z.literal("busy").describe("somebody is there who is being paired just now: ask again soon") }),
  z.object({ verdict: z.literal("conflict").describe("who is there asked for the same role") }),
  z.object({ verdict: z.literal("nobody") }),
]);
export type Answer = z.output<typeof answerSchema>;

/** "I do not need that claim": its holder may be given to another at once. */
const releaseSchema = z.object({ claim: id });

export const asks = codec(askSchema);
export const answers = codec(answerSchema);
export const releases = codec(releaseSchema);

/** `decode` throws on anything else. */
function codec<Schema extends z.ZodType>(schema: Schema) {
  return {
    encode: (message: z.output<Schema>): Uint8Array => Buffer.from(JSON.stringify(message)),
    decode: (bytes: Uint8Array): z.output<Schema> => schema.parse(JSON.parse(Buffer.from(bytes).toString())),
  };
}
