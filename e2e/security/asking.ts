/** Connections to a relayd of which nothing else is wanted than its verdict: by its log, and by its answer where it gave one. */
import type { ControlEvent } from "@serverless-relay/control-api";
import type { Admitted, Verdict } from "@serverless-relay/protocol-model";
import {
  type ClientCredentials,
  type DialOptions,
  OuterClient,
  type RunningRelay,
  refusalReason,
  until,
} from "@serverless-relay/testkit";

interface Judged {
  readonly event: "admitted" | "refused" | "dropped";
  readonly address: string;
}

export class Asking {
  readonly #relay: RunningRelay;
  /** the first word of the log on the admission of whoever came from an address */
  readonly #judged = new Map<string, Judged>();
  #linesRead = 0;
  /** what each reason was answered with */
  readonly #answers = new Map<string, string>();

  constructor(relay: RunningRelay) {
    this.#relay = relay;
  }

  /**
   * Sends `sent` and close_notify in one flight. Of who was admitted the log does not say the role and the wait. Throws if the
   * answer gives another reason than the log, or another text than others of that reason got.
   */
  async ask(credentials: ClientCredentials, sent: Buffer, options: DialOptions = {}): Promise<Verdict> {
    const client = await OuterClient.dial(this.#relay.port, credentials, options);
    const { address } = client;
    this.#judged.delete(address); // the port of one that has gone
    client.socket.write(await client.flight(sent));
    const answered = client.answer();
    answered.catch(() => {});
    try {
      const judged = await until(`the log says what became of ${address}`, () => this.#look(address));
      return judged.event === "refused" ? await this.#refused(judged, answered) : verdictIn(judged);
    } finally {
      client.destroy();
    }
  }

  #look(address: string): Judged | undefined {
    const { lines } = this.#relay.process;
    for (; this.#linesRead < lines.length; this.#linesRead++) {
      const event = JSON.parse(lines[this.#linesRead] ?? "") as ControlEvent & { address?: string };
      if (isJudged(event) && !this.#judged.has(event.address)) this.#judged.set(event.address, event);
    }
    return this.#judged.get(address);
  }

  async #refused(judged: Judged, answered: Promise<string>): Promise<Verdict> {
    const reason = reasonIn(judged);
    const answer = await answered;
    // The same bytes for the same reason: nothing of the request, of its sender or of others has found its way in.
    const expected = this.#answers.get(reason) ?? answer;
    this.#answers.set(reason, expected);
    if (refusalReason(answer) === reason && answer === expected) return reason;
    throw new Error(`logged was ${JSON.stringify(judged)}, answered ${JSON.stringify(answer)}`);
  }
}

function isJudged(event: { event?: string; address?: string }): event is Judged {
  return event.address !== undefined && ["admitted", "refused", "dropped"].includes(event.event ?? "");
}

function verdictIn(judged: Judged): Verdict {
  if (judged.event === "dropped") return reasonIn(judged);
  const { name, peer, channel, transport } = judged as unknown as Omit<Admitted, "as"> & { name: string };
  return { as: name, peer, channel, transport, role: "either", wait: null };
}

function reasonIn(judged: Judged): string {
  return String((judged as unknown as { reason: unknown }).reason);
}
