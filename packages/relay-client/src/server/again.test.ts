import { describe, expect, it } from "vitest";
import { RelayNotVerified, RelayProtocolError, RelayRefused, RelayUnreachable } from "../errors.ts";
import { againAfter, isEndOfWait } from "./again.ts";

const least = () => 0;
const most = () => 0.999_999;

function refused(status: number, reason: string, retryAfter?: number): RelayRefused {
  return new RelayRefused(status, reason, reason, retryAfter);
}

describe("the next attempt", () => {
  it("comes later from failure to failure, up to half a minute, never at the same time twice", () => {
    const lost = new RelayUnreachable("lost", true);
    const range = (failures: number) => [againAfter(lost, failures, least), againAfter(lost, failures, most)];
    expect([1, 2, 3, 8, 50].map(range)).toEqual([
      [125, 250],
      [250, 500],
      [500, 1_000],
      [15_000, 30_000],
      [15_000, 30_000],
    ]);
  });

  it("waits at least as long as Retry-After says", () => {
    const draining = refused(503, "draining", 7);
    expect(againAfter(draining, 1, least)).toBe(7_000);
    expect(againAfter(draining, 1, most)).toBe(7_250);
    expect(againAfter(draining, 20, most)).toBe(30_000);
  });

  it.each([
    ["no_route", refused(403, "no_route")],
    ["certificate_unknown_issuer", refused(403, "certificate_unknown_issuer")],
    ["role_conflict", refused(504, "role_conflict")],
    ["a reason of tomorrow", refused(403, "phase_of_the_moon")],
    ["a relay that is not verified", new RelayNotVerified("no")],
    ["something that is no relay", new RelayProtocolError("SSH")],
  ])("is slow from the first where somebody has to act: %s", (_what, error) => {
    expect([againAfter(error, 1, least), againAfter(error, 1, most)]).toEqual([15_000, 30_000]);
  });

  it.each(["certificate_expired", "certificate_revoked", "certificate_without_name", "as_required", "field_invalid"])(
    "never comes where it would be told the same: %s",
    (reason) => expect(againAfter(refused(reason.startsWith("cert") ? 403 : 400, reason), 1)).toBe(null),
  );

  it("never comes for a fault of the program", () => {
    expect(againAfter(new TypeError("a mistake"), 1)).toBe(null);
  });
});

describe("the end of a wait", () => {
  it("is told from a refusal that looks like one", () => {
    expect(isEndOfWait(refused(504, "peer_timeout"), 60_000)).toBe(true);
    expect(isEndOfWait(refused(504, "peer_timeout"), 3)).toBe(false);
    expect(isEndOfWait(refused(504, "role_conflict"), 60_000)).toBe(false);
  });
});
