/** A certificate cannot be issued for a reason that the caller can do something about; the message says what. */
export class PkiError extends Error {
  override readonly name = "PkiError";
}
