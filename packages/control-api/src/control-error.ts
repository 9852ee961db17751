/** The daemon answered, and said no. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  /** an ErrorCode; a newer daemon may know others */
  readonly code: string;
  /** of the HTTP answer */
  readonly status: number;

  /** `message`: what the daemon says; one sentence that can be acted on */
  constructor(code: string, message: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}
