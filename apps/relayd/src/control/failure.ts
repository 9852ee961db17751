/** The daemon says no to a request, for one of the reasons of the control API. */
import type { ErrorCode } from "@serverless-relay/control-api";

export class ControlFailure extends Error {
  override readonly name = "ControlFailure";
  readonly code: ErrorCode;

  /** @param message one sentence that says what to do */
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
