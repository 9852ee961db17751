/** POST /v1/reload and /v1/config/check; and what `status` says of the last reload. */
import { z } from "zod";
import { countSchema, timeSchema } from "./scalars.ts";

/** What a reload did, or a check found that it would do. If the files are bad, the answer is the error `config_invalid`. */
export const reloadResultSchema = z
  .object({
    changed: z
      .array(z.string())
      .describe("keys of the configuration that have another value, or files with other content"),
    restart: z.array(z.string()).describe("keys that were changed since the start, and wait for a restart"),
    warnings: z.array(z.string()),
    refused: countSchema.describe("parked clients whose certificate or route is no longer good"),
    ended: countSchema.describe("sessions whose certificates are no longer good"),
  })
  .meta({ id: "ReloadResult" });
export type ReloadResult = z.infer<typeof reloadResultSchema>;

export const reloadReportSchema = z
  .object({
    lastAt: timeSchema.nullable().describe("null if there was none since the start"),
    trigger: z.enum(["signal", "request", "change"]).nullable().describe("change: of a file"),
    ok: z.boolean().describe("false: the files are bad, and what was there before is in force"),
    problems: z.array(z.string()).describe("of the last reload, one line each"),
    restart: z.array(z.string()).describe("keys that were changed since the start, and wait for a restart"),
    good: countSchema.describe("reloads since the start"),
    bad: countSchema.describe("reloads since the start that changed nothing, for the files were bad"),
  })
  .meta({ id: "ReloadReport" });
export type ReloadReport = z.infer<typeof reloadReportSchema>;

/** Body of POST /v1/config/check. */
export const checkConfigSchema = z
  .strictObject({
    file: z
      .string()
      .startsWith("/")
      .optional()
      .describe("absolute path of another configuration; default: relayd's own"),
  })
  .meta({ id: "CheckConfig" });
export type CheckConfig = z.infer<typeof checkConfigSchema>;
