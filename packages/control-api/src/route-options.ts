/** The options of a route: what is asked for when it is added, and how they are shown. The same names everywhere. */
import { z } from "zod";
import { timeSchema } from "./scalars.ts";

const ONE_YEAR_S = 366 * 24 * 60 * 60;

const amountSchema = z.int().min(1);

const pinSchema = z
  .string()
  .regex(/^sha256:[0-9a-fA-F]{64}$/, "expected sha256: and 64 hexadecimal digits, of the SubjectPublicKeyInfo");

/** Which public keys an end may have; an end that is not named may have any that its certificate's issuer vouches for. */
const pinsSchema = z.strictObject({
  f1: z.array(pinSchema).min(1).optional(),
  f2: z.array(pinSchema).min(1).optional(),
});

const SAYS = {
  channelLimit: "distinct channels in use at once, parked or carried",
  maxSessions: "sessions at once",
  once: "the route is deleted once its first session has begun",
  wait: "seconds that a client is parked that does not say; pairing.maxWait caps it",
  bandwidth: "bytes per second, of all sessions of the route together, both directions",
  pins: "public keys that each end may have: sha256: and 64 hexadecimal digits, of the SubjectPublicKeyInfo",
  wake: "the URL by which each end is invoked when the other waits for it; wake.allow has to name it",
};

/** By what each end is invoked when the other waits for it: URLs that the configuration's wake.allow names. */
const hooksSchema = z.strictObject({ f1: z.string().optional(), f2: z.string().optional() });

export const askedRouteOptions = {
  channelLimit: amountSchema.optional().describe(SAYS.channelLimit),
  maxSessions: amountSchema.optional().describe(SAYS.maxSessions),
  ttl: amountSchema
    .max(ONE_YEAR_S)
    .optional()
    .describe("seconds until the route is deleted by itself, a year at most; its sessions run on"),
  once: z.boolean().optional().describe(SAYS.once),
  wait: z.number().positive().optional().describe(SAYS.wait),
  bandwidth: amountSchema.optional().describe(SAYS.bandwidth),
  pins: pinsSchema.optional().describe(SAYS.pins),
  wake: hooksSchema.optional().describe(SAYS.wake),
};

export const viewedRouteOptions = {
  channelLimit: amountSchema.nullable().describe(`${SAYS.channelLimit}; null: no limit of its own`),
  maxSessions: amountSchema.nullable().describe(`${SAYS.maxSessions}; null: no limit of its own`),
  expiresAt: timeSchema.nullable().describe("when the route is deleted by itself; null: never"),
  once: z.boolean().describe(SAYS.once),
  wait: z.number().nullable().describe(`${SAYS.wait}; null: pairing.wait`),
  bandwidth: amountSchema.nullable().describe(`${SAYS.bandwidth}; null: no limit of its own`),
  pins: pinsSchema.nullable().describe(`${SAYS.pins}; null: none`),
  wake: hooksSchema.nullable().describe(`${SAYS.wake}; null: none`),
};
