import { expect, it } from "vitest";
import type { Arrival } from "./rendezvous.ts";
import { roleOfSecond } from "./roles.ts";

const route = { f1: "a", f2: "b" };

function arrival(name: string | null, role?: "client" | "server"): Arrival {
  return { route, channel: "443", name, role, deadline: 0 };
}

it.each([
  ["f1 is the client, where neither asks: as the second", arrival("b"), arrival("a"), "client"],
  ["f1 is the client, where neither asks: as the first", arrival("a"), arrival("b"), "server"],
  ["the second gets what it asks for", arrival("a"), arrival("b", "client"), "client"],
  ["the first gets what it asks for", arrival("a", "server"), arrival("b"), "client"],
  ["of two of no name, the later one is the client", arrival(null), arrival(null), "client"],
  ["of two of the same name, too", arrival("b"), arrival("b"), "client"],
] as const)("%s", (_, first, second, role) => {
  expect(roleOfSecond({ first, second })).toBe(role);
});

it("what another relay has decided on stands", () => {
  const told = { session: "s", roleOfSecond: "server" } as const;
  expect(roleOfSecond({ first: arrival("b"), second: arrival("a"), told })).toBe("server");
});
