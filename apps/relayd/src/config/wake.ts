/** What the configuration says of waking functions that somebody waits for: what may be requested, and how patiently. */
import { z } from "zod";
import { parseTarget } from "../wake/target.ts";
import { duration, missing, path, shown, text, whole } from "./scalars.ts";
import { orShorter, section } from "./section.ts";

const target = text("a URL such as https://f2.example/")
  .transform((written, context): string => {
    try {
      return parseTarget(written);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  })
  .meta({ title: "URL" });

const allowed = z
  .preprocess(
    (input) => (typeof input === "string" ? { url: input } : input),
    section("https://f2.example/, or { url, token }", {
      url: target.describe("what may be requested; one that ends in / allows all that is beneath it"),
      token: path
        .optional()
        .describe("a file: its content is sent as a bearer token; it is read for each request; default: none is sent"),
      signingKey: path
        .optional()
        .describe(
          "a file: a secret, by which requests are signed as Standard Webhooks are; it is read for each request; default: they are not",
        ),
      ca: path.optional().describe("the CAs of the target's certificate, in PEM; default: those of the system"),
    }),
  )
  .meta({ title: "URLs, or keys", ...orShorter("object", { type: "string" }) });

export const wake = section("wake: { allow: [https://f2.example/] }", {
  allow: z
    .array(allowed, {
      error: ({ input }) =>
        input === undefined ? missing("allow: [https://f2.example/]") : `is ${shown(input)}; write a list of URLs`,
    })
    .describe("all that relayd may be made to request; nothing else ever is"),
  after: duration.prefault("200ms").describe("how long a function has waited before its peer is woken"),
  timeout: duration.prefault("30s").describe("for an answer, or the function itself, whichever comes first"),
  again: duration
    .prefault("30s")
    .describe("how long a function that was woken may take to come; then it is woken again"),
  invocation: duration
    .prefault("15m")
    .describe(
      "how long a request is kept open once its function has come, for the invocation may last as long as that",
    ),
  requests: whole("how many, such as 256").prefault(256).describe("requests that are open at once, in all"),
  requestsPerRoute: whole("how many, such as 32").prefault(32).describe("the same for one route"),
});

export type WakeConfig = z.output<typeof wake>;

/** Of a route in the configuration: by the name of the function that is woken. */
export const hooks = z
  .record(z.string(), target, { error: ({ input }) => `is ${shown(input)}; write { f2: https://f2.example/ }` })
  .meta({
    title: "URLs, by a function's name",
    description: "the URL by which a function is invoked when the other waits for it; default: none is",
  });

/** The paths that it names. */
export function resolveWakePaths(wake: WakeConfig, at: (path: string) => string): WakeConfig {
  const resolved = (path: string | undefined) => (path === undefined ? undefined : at(path));
  return {
    ...wake,
    allow: wake.allow.map(({ url, token, signingKey, ca }) => ({
      url,
      token: resolved(token),
      signingKey: resolved(signingKey),
      ca: resolved(ca),
    })),
  };
}
