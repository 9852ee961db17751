import { isFunctionName, NAME_RULE } from "@serverless-relay/protocol";
import { ControlFailure } from "./failure.ts";

/** Throws ControlFailure for what no function can be called. */
export function checkName(name: string): void {
  if (isFunctionName(name)) return;
  throw new ControlFailure("invalid_name", `${JSON.stringify(name)} is not a function's name: ${NAME_RULE}`);
}
