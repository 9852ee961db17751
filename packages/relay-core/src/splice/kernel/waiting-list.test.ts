import fc from "fast-check";
import { expect, it } from "vitest";
import { WaitingList } from "./waiting-list.ts";

function drain<Who>(list: WaitingList<Who>): Who[] {
  const all: Who[] = [];
  for (let who = list.takeDue(Infinity); who !== undefined; who = list.takeDue(Infinity)) all.push(who);
  return all;
}

it("gives out whoever is due first, those removed left out", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(1_000)), fc.nat(), (times, which) => {
      const list = new WaitingList<number>();
      for (const at of times) list.add(at, at);
      expect(list.next).toBe(Math.min(...times));
      const gone = times[which % Math.max(1, times.length)] ?? -1;
      list.remove(gone);
      list.remove(-1);
      expect(drain(list)).toEqual(times.filter((at) => at !== gone).toSorted((a, b) => a - b));
      expect(list.size).toBe(0);
    }),
  );
});

it("gives out nobody who is not due, and asks anew when that has changed", () => {
  const list = new WaitingList<string>();
  list.add("late", 20);
  list.add("soon", 10);
  expect(list.takeDue(9)).toBeUndefined();
  list.retime((who) => (who === "late" ? 1 : 2));
  expect([list.takeDue(1), list.takeDue(1), list.takeDue(2)]).toEqual(["late", undefined, "soon"]);
});
