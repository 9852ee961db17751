/** What the claim protocol relies on, run over each bus: NATS, and the one in memory by which the protocol is tested. */
import { until } from "@serverless-relay/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bus, NOBODY } from "./bus.ts";

export interface Buses {
  /** of relays that are all at the same message system */
  readonly buses: readonly [Bus, Bus, Bus];
  readonly close: () => Promise<void>;
}

const text = (message: Uint8Array | typeof NOBODY): string =>
  message === NOBODY ? "nobody" : Buffer.from(message).toString();
const bytes = (message: string): Uint8Array => Buffer.from(message);
const TIMEOUT_MS = 5_000;

export function describeBus(name: string, open: () => Promise<Buses>): void {
  describe(`the bus: ${name}`, () => {
    let opened: Buses;
    let one: Bus;
    let two: Bus;
    let three: Bus;
    beforeEach(async () => {
      opened = await open();
      [one, two, three] = opened.buses;
    });
    afterEach(() => opened.close());

    it("hands a question to one of those that listen, and its answer back", async () => {
      const heard: string[] = [];
      const listen = (bus: Bus, who: string) =>
        bus.listen("here", "one", (question) => {
          heard.push(text(question));
          return bytes(`${who}: ${text(question)}`);
        });
      listen(two, "two");
      listen(three, "three");
      const answers = new Set<string>();
      await until("each of them answers, now and then", async () => {
        answers.add(text(await one.ask("here", bytes("you?"), TIMEOUT_MS)));
        answers.delete("nobody"); // before they had begun
        return answers.size === 2;
      });
      expect([...answers].toSorted()).toEqual(["three: you?", "two: you?"]);
      heard.length = 0;
      for (let n = 0; n < 20; n++) await one.ask("here", bytes("you?"), TIMEOUT_MS);
      expect(heard).toHaveLength(20);
    });

    it("says at once that nobody listens, where nobody does but the asker itself", async () => {
      one.listen("here", "one", () => bytes("I"));
      const started = performance.now();
      expect(await one.ask("here", bytes("who?"), TIMEOUT_MS)).toBe(NOBODY);
      expect(await two.ask("elsewhere", bytes("who?"), TIMEOUT_MS)).toBe(NOBODY);
      expect(performance.now() - started).toBeLessThan(TIMEOUT_MS);
      await until("it answers others", async () => text(await two.ask("here", bytes("who?"), TIMEOUT_MS)) === "I");
    });

    it("listens before it asks: of two that do both, one at least is heard", async () => {
      for (let round = 0; round < 30; round++) {
        const subjects = [`${round}.one`, `${round}.two`] as const;
        one.listen(subjects[0], "one", () => bytes("I"));
        two.listen(subjects[1], "one", () => bytes("I"));
        const asked = [one.ask(subjects[1], bytes("?"), TIMEOUT_MS), two.ask(subjects[0], bytes("?"), TIMEOUT_MS)];
        expect((await Promise.all(asked)).map(text)).toContain("I");
      }
    });

    it("hands nothing to one that has stopped listening", async () => {
      const listening = one.listen("here", "one", () => bytes("I"));
      await until("it is heard", async () => text(await two.ask("here", bytes("?"), TIMEOUT_MS)) === "I");
      listening.close();
      listening.close();
      // One question may still be on its way to it, and is lost.
      const answer = () => two.ask("here", bytes("?"), 200).catch(() => "lost");
      await until("nobody listens", async () => (await answer()) === NOBODY);
    });

    it("tells what is said to all that hear", async () => {
      const heard = new Set<string>();
      const hear = (bus: Bus, who: string) => bus.hear("news", (message) => heard.add(`${who} ${text(message)}`));
      hear(two, "two");
      hear(three, "three");
      await until("both have heard", () => {
        one.say("news", bytes("hello"));
        return heard.size === 2;
      });
      expect([...heard].toSorted()).toEqual(["three hello", "two hello"]);
    });

    it("collects the answers of all others", async () => {
      const answer = (bus: Bus, who: string) => bus.listen("rollcall", null, () => bytes(who));
      answer(one, "one");
      answer(two, "two");
      answer(three, "three");
      await until("all others answer", async () => {
        const answers = (await one.askAll("rollcall", 300)).map(text).toSorted();
        return answers.join() === "three,two";
      });
    });

    it("answers to many questions at once, each with its own", async () => {
      two.listen("here", "one", (question) => question);
      await until("it is heard", async () => (await one.ask("here", bytes("?"), TIMEOUT_MS)) !== NOBODY);
      const asked = Array.from({ length: 500 }, (_, n) => `question ${n}`);
      const answers = await Promise.all(asked.map((question) => one.ask("here", bytes(question), TIMEOUT_MS)));
      expect(answers.map(text)).toEqual(asked);
    });
  });
}
