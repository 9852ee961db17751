/** Which relays there are: each answers for itself, and who does not answer in time is away. */
import { z } from "zod";
import type { Bus, Listening } from "./bus.ts";

const summarySchema = z.object({
  id: z.string().max(128),
  /** where the other relays dial it */
  address: z.string().max(300),
  version: z.string().max(64),
  state: z.enum(["running", "draining"]),
  /** ISO 8601 */
  startedAt: z.string().max(64),
  parked: z.int().min(0),
  sessions: z.int().min(0),
  routes: z.int().min(0),
  /** seconds since it last read all routes */
  routesAge: z.number().min(0),
});
export type RelaySummary = z.output<typeof summarySchema>;

/** How long the others have to answer. */
const ANSWER_MS = 300;

export class RollCall {
  readonly #bus: Bus;
  readonly #subject: string;
  readonly #self: () => RelaySummary;
  readonly #listening: Listening;

  /** @param prefix of every subject: "relayd.NAME" */
  constructor(bus: Bus, prefix: string, self: () => RelaySummary) {
    this.#bus = bus;
    this.#subject = `${prefix}.relays`;
    this.#self = self;
    this.#listening = bus.listen(this.#subject, null, () => Buffer.from(JSON.stringify(self())));
  }

  /** This relay first, then the others that answer, by address. */
  async call(): Promise<RelaySummary[]> {
    const answers = await this.#bus.askAll(this.#subject, ANSWER_MS);
    const others = answers.flatMap((answer) => {
      const summary = summarySchema.safeParse(parse(answer));
      return summary.success ? [summary.data] : [];
    });
    return [this.#self(), ...others.toSorted((a, b) => a.address.localeCompare(b.address))];
  }

  close(): void {
    this.#listening.close();
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return null;
  }
}
