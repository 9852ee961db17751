/** Looks at the files that wake.allow names: what is wrong with them is better said now than when somebody waits. */
import { CredentialsError, readCredentials } from "../wake/credentials.ts";
import type { Findings } from "./findings.ts";
import type { WakeConfig } from "./wake.ts";

export async function checkWakeFiles({ allow }: WakeConfig, findings: Findings): Promise<void> {
  for (const [index, entry] of allow.entries()) {
    for (const key of ["token", "signingKey", "ca"] as const) {
      const path = entry[key];
      if (path === undefined) continue;
      const problem = await problemWith({ url: entry.url, [key]: path });
      if (problem !== null) findings.problem({ keys: ["wake", "allow", index, key], path }, problem);
    }
  }
}

async function problemWith(entry: WakeConfig["allow"][number]): Promise<string | null> {
  try {
    await readCredentials(entry);
    return null;
  } catch (error) {
    if (error instanceof CredentialsError) return error.what;
    throw error;
  }
}
