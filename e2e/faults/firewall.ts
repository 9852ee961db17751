/** A firewall for addresses of loopback that a test has chosen: a table of nftables of its own, gone when the test is. */
import { execFileSync } from "node:child_process";
import { atExit } from "@serverless-relay/testkit";

/** What becomes of packets from and to a blocked address: nothing is heard of them, or they are answered by RST. */
const VERDICTS = {
  silenced: "meta l4proto tcp drop",
  rejected: "tcp flags & rst == 0 reject with tcp reset", // its own resets have to get through
} as const;

export class Firewall {
  readonly #table = `relay_test_${process.pid}_${++tables}`;
  readonly #gone: () => void;

  constructor() {
    // Two rules for each verdict, however many are blocked: a rule for each address would be tried for every packet.
    const sets = Object.keys(VERDICTS).map((set) => `set ${set} { type ipv4_addr; }`);
    const rules = Object.entries(VERDICTS).flatMap(([set, verdict]) =>
      ["saddr", "daddr"].map((side) => `ip ${side} @${set} ${verdict}`),
    );
    const chain = ["chain c {", "type filter hook input priority 0", ...rules, "}"];
    this.#nft([`table ip ${this.#table} {`, ...sets, ...chain, "}"].join("\n"));
    this.#gone = atExit(() => this.#nft(`delete table ip ${this.#table}`));
  }

  block(address: string, as: keyof typeof VERDICTS): void {
    this.#nft(`add element ip ${this.#table} ${as} { ${address} }`);
  }

  remove(): void {
    this.#gone();
    this.#nft(`delete table ip ${this.#table}`);
  }

  #nft(command: string): void {
    execFileSync("nft", [command]);
  }
}

let tables = 0;
