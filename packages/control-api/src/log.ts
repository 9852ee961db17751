/** /v1/log: how much is logged, until the configuration is read anew. */
import { z } from "zod";

export const logLevelSchema = z
  .enum(["trace", "debug", "info", "warn", "error"])
  .meta({ id: "LogLevel", description: "what is less than this is not logged" });
export type LogLevel = z.infer<typeof logLevelSchema>;

export const setLogSchema = z.strictObject({ level: logLevelSchema }).meta({ id: "SetLog" });
export type SetLog = z.infer<typeof setLogSchema>;

export const logStateSchema = z
  .object({
    level: logLevelSchema,
    configured: logLevelSchema.describe("log.level of the configuration, which a reload or a restart goes back to"),
  })
  .meta({ id: "LogState" });
export type LogState = z.infer<typeof logStateSchema>;
