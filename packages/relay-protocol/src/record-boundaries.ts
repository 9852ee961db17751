/**
 * Finds where TLS records end (RFC 8446 §5.1) in a stream that arrives in arbitrary pieces. It decrypts nothing and keeps
 * no payload: it only counts, so that whoever feeds a TLS stack can stop exactly behind a record.
 */

const HEADER_LENGTH = 5;
/** 2^14 and 256 for the AEAD's expansion (RFC 8446 §5.2). */
const MAX_PAYLOAD = 16_640;
const FIRST_CONTENT_TYPE = 20; // change_cipher_spec
const LAST_CONTENT_TYPE = 24; // heartbeat

export class RecordBoundaries {
  #header = 0; // bytes of the current record's header already seen
  #length = 0; // payload length, as far as the header has told
  #payload = 0; // bytes of the payload still to come
  #lost = false;

  /**
   * How many bytes of `chunk`, from `offset` on, belong to the record under way: up to its end, or up to the chunk's. At
   * least 1 where any byte is left. Once something came that is no TLS record, all the rest is given at once: the TLS
   * stack is the one to reject it.
   */
  take(chunk: Uint8Array, offset: number): number {
    let at = offset;
    while (at < chunk.length && !this.#lost) {
      if (this.#header < HEADER_LENGTH) {
        this.#readHeader(chunk[at] ?? 0);
        at++;
      } else {
        const taken = Math.min(this.#payload, chunk.length - at);
        this.#payload -= taken;
        at += taken;
      }
      if (this.#header === HEADER_LENGTH && this.#payload === 0) {
        this.#header = 0;
        return at - offset;
      }
    }
    return this.#lost ? chunk.length - offset : at - offset;
  }

  /** Whether the last byte taken was the last of a record (true before the first, too). */
  get atBoundary(): boolean {
    return this.#header === 0 && !this.#lost;
  }

  #readHeader(byte: number): void {
    const position = this.#header++;
    if (position === 0 && (byte < FIRST_CONTENT_TYPE || byte > LAST_CONTENT_TYPE)) this.#lost = true;
    else if (position === 1 && byte !== 3) this.#lost = true;
    else if (position === 3) this.#length = byte << 8;
    else if (position === 4) {
      this.#payload = this.#length | byte;
      if (this.#payload > MAX_PAYLOAD) this.#lost = true;
    }
  }
}
