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
      await Promise.all([listen(two, "two").begun, listen(three, "three").begun]);
      const answers = new Set<string>();
      for (let n = 0; n < 40; n++) answers.add(text(await one.ask("here", bytes("you?"), TIMEOUT_MS)));
      expect(heard).toHaveLength(40);
      expect([...answers].toSorted()).toEqual(["three: you?", "two: you?"]); // each of them, now and then
    });

    it("says at once that nobody listens, where nobody does but the asker itself", async () => {
      await one.listen("here", "one", () => bytes("I")).begun;
      const started = performance.now();
      expect(await one.ask("here", bytes("who?"), TIMEOUT_MS)).toBe(NOBODY);
      expect(await two.ask("elsewhere", bytes("who?"), TIMEOUT_MS)).toBe(NOBODY);
      expect(performance.now() - started).toBeLessThan(TIMEOUT_MS);
      expect(text(await two.ask("here", bytes("who?"), TIMEOUT_MS))).toBe("I");
    });

    it("hands nothing to one that has stopped listening", async () => {
      const listening = one.listen("here", "one", () => bytes("I"));
      await listening.begun;
      listening.close();
      listening.close();
      await until("nobody listens", async () => (await two.ask("here", bytes("?"), TIMEOUT_MS)) === NOBODY);
    });

    it("tells what is said to all that hear", async () => {
      const heard: string[] = [];
      const hear = (bus: Bus, who: string) => bus.hear("news", (message) => heard.push(`${who} ${text(message)}`));
      await Promise.all([hear(two, "two").begun, hear(three, "three").begun]);
      one.say("news", bytes("hello"));
      await until("both have heard", () => heard.length === 2);
      expect(heard.toSorted()).toEqual(["three hello", "two hello"]);
    });

    it("collects the answers of all others", async () => {
      const answer = (bus: Bus, who: string) => bus.listen("rollcall", null, () => bytes(who)).begun;
      await Promise.all([answer(one, "one"), answer(two, "two"), answer(three, "three")]);
      expect((await one.askAll("rollcall", 300)).map(text).toSorted()).toEqual(["three", "two"]);
    });

    it("answers to many questions at once, each with its own", async () => {
      await two.listen("here", "one", (question) => question).begun;
      const asked = Array.from({ length: 500 }, (_, n) => `question ${n}`);
      const answers = await Promise.all(asked.map((question) => one.ask("here", bytes(question), TIMEOUT_MS)));
      expect(answers.map(text)).toEqual(asked);
    });
  });
}
