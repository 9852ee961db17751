/** All mappers and reducers of one shuffle, from their start to the check of what they have exchanged. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Place } from "./exchange.ts";
import type { Tally } from "./work.ts";
import type { Report, Task } from "./worker.ts";

export interface Outcome {
  readonly conversations: number;
  readonly bytes: number;
  /** until every conversation could begin */
  readonly connectMs: number;
  /** from then on until every reducer had all */
  readonly shuffleMs: number;
}

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));
const BYTES_PER_WORD = 4;

/** Throws if a word was lost, repeated, moved, or came to the wrong reducer. Leaves no process behind. */
export async function shuffle(size: number, words: number, placeOf: (role: Task["role"]) => Place): Promise<Outcome> {
  const members = (["reducer", "mapper"] as const).flatMap((role) =>
    Array.from({ length: size }, (_, index) => new Member({ place: placeOf(role), role, index, others: size, words })),
  );
  try {
    await Promise.all(members.map((member) => member.reached("up")));
    const begin = performance.now();
    for (const member of members) member.tell(member.task);
    await Promise.all(members.map((member) => member.reached("connected")));
    const connected = performance.now();
    for (const member of members) member.tell("begin");
    const tallies = await Promise.all(members.map((member) => member.tallies()));
    const end = performance.now();
    check(tallies.slice(size), tallies.slice(0, size), words);
    const bytes = size * words * BYTES_PER_WORD;
    return { conversations: size * size, bytes, connectMs: connected - begin, shuffleMs: end - connected };
  } finally {
    await Promise.all(members.map((member) => member.end()));
  }
}

/** What mapper m says it sent to reducer r is what r says it got from m. */
function check(mappers: readonly (readonly Tally[])[], reducers: readonly (readonly Tally[])[], words: number): void {
  for (const [m, sent] of mappers.entries()) {
    const total = sent.reduce((sum, tally) => sum + tally.words, 0);
    if (total !== words) throw new Error(`mapper ${m} sent ${total} of ${words} words`);
    for (const [r, tally] of sent.entries()) {
      const got = reducers[r]?.[m];
      if (got?.words === tally.words && got.digest === tally.digest) continue;
      throw new Error(`mapper ${m} sent ${JSON.stringify(tally)}, reducer ${r} got ${JSON.stringify(got)}`);
    }
  }
}

class Member {
  readonly task: Task;
  readonly #process: ChildProcess;
  readonly #reports: Report[] = [];
  readonly #ended: Promise<void>;
  #look = (): void => {};
  #over = false;

  constructor(task: Task) {
    this.task = task;
    this.#process = fork(WORKER, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#process.on("message", (report: Report) => {
      this.#reports.push(report);
      this.#look();
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once("exit", () => {
        this.#over = true;
        this.#look();
        resolve();
      });
    });
  }

  tell(message: Task | "begin"): void {
    this.#process.send(message);
  }

  reached<S extends Report["state"]>(state: S): Promise<Extract<Report, { state: S }>> {
    return new Promise((resolve, reject) => {
      this.#look = () => {
        const report = this.#reports.find((candidate) => candidate.state === state);
        if (report !== undefined) resolve(report as Extract<Report, { state: S }>);
        else if (this.#over) reject(new Error(`${this.task.role} ${this.task.index} ended before it was ${state}`));
      };
      this.#look();
    });
  }

  async tallies(): Promise<readonly Tally[]> {
    return (await this.reached("done")).tallies;
  }

  /** One that is done ends by itself. */
  async end(): Promise<void> {
    if (!this.#reports.some(({ state }) => state === "done")) this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
