import { describe, expect, it } from "vitest";
import { type Concern, isSelected, selectionOf } from "./selection.ts";

const f1f2: Concern = { names: ["f1", "f2"], route: ["f1", "f2"] };
const plain: Concern = { names: [null, null], route: ["f1", "f2"] };
const refused: Concern = { names: ["f1", "f1.example", "f3"], route: null };

describe("a selection", () => {
  it.each([[["f1", "f2"]], [["f1,f2"]]])("reads a route from %j", (route) => {
    expect(selectionOf({ route })).toEqual({ route: ["f1", "f2"] });
  });

  it("leaves commas in a name alone where there are two words", () => {
    const names = ["spiffe://a/b,c", "f2"];
    expect(selectionOf({ route: names })).toEqual({ route: names });
  });

  it.each([[["f1"]], [["f1,f2,f3"]], [["f1", "f2", "f3"]], [["f1,"]]])("takes two names, and not %j", (route) => {
    expect(() => selectionOf({ route })).toThrow(/--route takes two names|cannot be a name/);
  });

  it.each<[string, Parameters<typeof selectionOf>[0], Concern, boolean]>([
    ["everything, if nothing is asked for", {}, plain, true],
    ["one of the names", { function: "f2" }, f1f2, true],
    ["a name of the route, where the ends have none", { function: "f2" }, plain, true],
    ["another name", { function: "f3" }, f1f2, false],
    ["the route", { route: ["f1", "f2"] }, f1f2, true],
    ["the route the other way round", { route: ["f2", "f1"] }, plain, true],
    ["another route", { route: ["f1", "f3"] }, f1f2, false],
    ["the two names, where there is no route", { route: ["f3", "f1"] }, refused, true],
    ["only one of them", { route: ["f2", "f1"] }, refused, false],
    ["both flags, of which one does not fit", { function: "f3", route: ["f1", "f2"] }, f1f2, false],
  ])("compares %s", (_what, flags, concern, selected) => {
    expect(isSelected(selectionOf(flags), concern)).toBe(selected);
  });
});
