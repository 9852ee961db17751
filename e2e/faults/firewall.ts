/** A firewall for addresses of loopback that a test has chosen: a table of nftables of its own, gone when the test is. */
import { execFileSync } from "node:child_process";
import { atExit } from "@serverless-relay/testkit";

/** What becomes of packets from and to a blocked address: nothing is heard of them, or they are answered by RST. */
type Verdict = "drop" | "reject with tcp reset";

export class Firewall {
  readonly #table = `relay_test_${process.pid}_${++tables}`;
  readonly #gone: () => void;

  constructor() {
    this.#nft(`add table ip ${this.#table}`);
    this.#nft(`add chain ip ${this.#table} c { type filter hook input priority 0; }`);
    this.#gone = atExit(() => this.#nft(`delete table ip ${this.#table}`));
  }

  block(address: string, verdict: Verdict): void {
    const which = verdict === "drop" ? "meta l4proto tcp" : "tcp flags & rst == 0"; // its own resets have to get through
    for (const side of ["saddr", "daddr"]) {
      this.#nft(`add rule ip ${this.#table} c ip ${side} ${address} ${which} ${verdict}`);
    }
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
