/** Which rates a session is subject to; that a plane holds them is plane.suite.ts. */
import { expect, it } from "vitest";
import { Bandwidth } from "./bandwidth.ts";
import type { DataPlane, Session, Throttle } from "./splice/plane.ts";
import { StreamPlane } from "./splice/stream/plane.ts";

const route = (f1: string, f2: string, bandwidth?: number) => ({ f1, f2, options: { bandwidth } });
const rates = (throttles: readonly Throttle[]) => throttles.map(({ rate }) => rate);

function bandwidth(limits: { perFunction?: number; perRoute?: number } = {}): Bandwidth {
  const plane: DataPlane = new StreamPlane();
  return new Bandwidth(plane, limits);
}

/** A session that remembers what it is subject to. */
function sessionWith(throttles: readonly Throttle[]) {
  const session = {
    throttles,
    throttle(by: readonly Throttle[]) {
      session.throttles = by;
    },
  };
  return session as typeof session & Session;
}

it("is none where nothing limits it", () => {
  expect(bandwidth().share(route("f1", "f2"), ["f1", "f2"]).throttles).toEqual([]);
});

it("is the route's own, or else the default, and each function's, shared by all who have it", () => {
  const limits = bandwidth({ perFunction: 500, perRoute: 100 });
  const one = limits.share(route("f1", "f2", 70), ["f1", "f2"]).throttles;
  const other = limits.share(route("f2", "f3"), ["f3", "f2"]).throttles;
  expect([rates(one), rates(other)]).toEqual([
    [70, 500, 500],
    [100, 500, 500],
  ]);
  expect(other[2]).toBe(one[2]); // f2
  expect(limits.share(route("f2", "f1", 70), ["f2", "f1"]).throttles[0]).toBe(one[0]);
});

it("counts a function that meets itself once, and nobody who is not verified", () => {
  const limits = bandwidth({ perFunction: 500, perRoute: 100 });
  expect(rates(limits.share(route("f", "f"), ["f", "f"]).throttles)).toEqual([100, 500]);
  expect(rates(limits.share(route("f1", "f2"), [null, null]).throttles)).toEqual([100]);
});

it("changes for sessions under way", () => {
  const limits = bandwidth({ perFunction: 500 });
  const share = limits.share(route("f1", "f2"), ["f1", "f2"]);
  const session = sessionWith(share.throttles);
  const [ofF1] = session.throttles;

  limits.limits = { perFunction: 600 };
  share.renew(session, route("f1", "f2"));
  expect(session.throttles[0]).toBe(ofF1);
  expect(rates(session.throttles)).toEqual([600, 600]);

  share.renew(session, route("f1", "f2", 30));
  expect(rates(session.throttles)).toEqual([30, 600, 600]);
  expect(session.throttles[1]).toBe(ofF1);

  limits.limits = {};
  share.renew(session, route("f1", "f2"));
  expect(session.throttles).toEqual([]);
});

it("is forgotten with its last session", () => {
  const limits = bandwidth({ perRoute: 100 });
  const [one, other] = [limits.share(route("f1", "f2"), []), limits.share(route("f1", "f2"), [])];
  one.release();
  one.release();
  expect(limits.share(route("f1", "f2"), []).throttles[0]).toBe(other.throttles[0]);
  const session = sessionWith(one.throttles);
  one.renew(session, route("f1", "f2", 5)); // too late to matter
  expect(rates(session.throttles)).toEqual([100]);
});
