import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecordBoundaries } from "./record-boundaries.ts";

const record = fc
  .record({ type: fc.integer({ min: 20, max: 24 }), payload: fc.uint8Array({ maxLength: 40 }) })
  .map(({ type, payload }) => Buffer.from([type, 3, 3, payload.length >> 8, payload.length & 0xff, ...payload]));

/** Feeds `pieces` and returns the offsets at which a record ended. */
function boundariesOf(pieces: readonly Uint8Array[]): number[] {
  const boundaries = new RecordBoundaries();
  const found: number[] = [];
  let base = 0;
  for (const piece of pieces) {
    let offset = 0;
    while (offset < piece.length) {
      offset += boundaries.take(piece, offset);
      if (boundaries.atBoundary) found.push(base + offset);
    }
    base += piece.length;
  }
  return found;
}

function endsOf(records: readonly Uint8Array[]): number[] {
  let end = 0;
  return records.map((bytes) => {
    end += bytes.length;
    return end;
  });
}

describe("record boundaries", () => {
  it("are found at every split in two", () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 6 }), (records) => {
        const stream = Buffer.concat(records);
        for (let split = 0; split <= stream.length; split++) {
          expect(boundariesOf([stream.subarray(0, split), stream.subarray(split)])).toEqual(endsOf(records));
        }
      }),
    );
  });

  it("are found byte by byte", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 8 }), (records) => {
        const bytes = Array.from(Buffer.concat(records)).map((byte) => Uint8Array.of(byte));
        expect(boundariesOf(bytes)).toEqual(endsOf(records));
      }),
    );
  });

  it("are found in any pieces", () => {
    fc.assert(
      fc.property(fc.array(record), fc.array(fc.integer({ min: 1, max: 60 })), (records, lengths) => {
        const stream = Buffer.concat(records);
        const pieces: Buffer[] = [];
        let at = 0;
        for (const length of lengths) {
          pieces.push(stream.subarray(at, at + length));
          at += length;
        }
        pieces.push(stream.subarray(at));
        expect(boundariesOf(pieces)).toEqual(endsOf(records));
      }),
    );
  });

  it("cover the largest record that TLS allows", () => {
    const largest = Buffer.alloc(5 + 16_640);
    largest.set([23, 3, 3, 16_640 >> 8, 16_640 & 0xff]);
    expect(boundariesOf([largest, largest])).toEqual([largest.length, 2 * largest.length]);
  });

  it.each([
    ["plain HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["an unknown content type", Buffer.from([25, 3, 3, 0, 1, 0])],
    ["another major version", Buffer.from([22, 2, 3, 0, 1, 0])],
    ["a record longer than TLS allows", Buffer.from([23, 3, 3, 0x41, 0x01, 0, 0])],
  ])("are not looked for in %s: the rest is given at once", (_what, bytes) => {
    const boundaries = new RecordBoundaries();
    expect(boundaries.take(bytes, 0)).toBe(bytes.length);
    expect(boundaries.atBoundary).toBe(false);
    expect(boundaries.take(Buffer.alloc(70_000), 0)).toBe(70_000);
  });
});
