/** GET /v1/why/{f1}/{f2}: why two functions do, or do not, meet just now. */
import { z } from "zod";
import { nameSchema } from "./scalars.ts";

export const findingCodeSchema = z
  .enum([
    "no_route",
    "route_expires",
    "draining",
    "full",
    "limit_reached",
    "listener_down",
    "certificate_expired",
    "certificate_expires",
    "crl_expired",
    "crl_expires",
    "in_session",
    "nobody_parked",
    "one_parked",
    "different_channels",
    "same_role",
    "plain_and_verified",
    "about_to_meet",
    "waking",
    "wake_failed",
    "refused",
  ])
  .meta({ id: "FindingCode", description: "a closed set, for programs; the text is for people" });
export type FindingCode = z.infer<typeof findingCodeSchema>;

export const findingSchema = z
  .object({
    code: findingCodeSchema,
    severity: z
      .enum(["error", "warning", "info"])
      .describe("error: as long as this is so, they do not meet; warning: it may soon keep them from it"),
    text: z.string().describe("one sentence that can be acted on"),
  })
  .meta({ id: "Finding" });
export type Finding = z.infer<typeof findingSchema>;

export const whySchema = z
  .object({
    f1: nameSchema,
    f2: nameSchema,
    channel: z.string().nullable().describe("the one that was asked about; null: all"),
    canMeet: z.boolean().describe("none of the findings is an error"),
    findings: z.array(findingSchema).describe("errors first"),
  })
  .meta({ id: "Why" });
export type Why = z.infer<typeof whySchema>;

/** Query of GET /v1/why/{f1}/{f2}, whose path is that of a route. */
export const whyQuerySchema = z.strictObject({
  channel: z.string().min(1).optional().describe("only this one; default: all"),
});
export type WhyQuery = z.infer<typeof whyQuerySchema>;
