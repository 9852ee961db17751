import { expect, it } from "vitest";
import { Answers } from "./answers.ts";

it("counts from when it was first seen that an answer is owed, and anew after each answer", () => {
  const answers = new Answers();
  expect(answers.owedMs({ owes: false, heardMs: 5_000 }, 10_000)).toBe(0);
  // Idle for long, then something was sent: it is owed since now, not since the last answer.
  expect(answers.owedMs({ owes: true, heardMs: 6_000 }, 11_000)).toBe(0);
  expect(answers.owedMs({ owes: true, heardMs: 7_000 }, 12_000)).toBe(1_000);
  expect(answers.owedMs({ owes: true, heardMs: 9_000 }, 14_000)).toBe(3_000);
  // An answer came, and something else was sent.
  expect(answers.owedMs({ owes: true, heardMs: 100 }, 15_000)).toBe(0);
  expect(answers.owedMs({ owes: true, heardMs: 1_100 }, 16_000)).toBe(1_000);
  expect(answers.owedMs({ owes: false, heardMs: 10 }, 17_000)).toBe(0);
});
