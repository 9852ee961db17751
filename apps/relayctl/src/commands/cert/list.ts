import * as Flags from "@oclif/core/flags";
import { type IssuedCertificate, readLedger } from "../../ledger.ts";
import { RelayctlCommand } from "../../relayctl-command.ts";
import { stylesFor } from "../../styles.ts";
import { type Column, formatTable } from "../../table.ts";

const COLUMNS: readonly Column[] = [
  { header: "NAMES" },
  { header: "SERIAL" },
  { header: "UNTIL" },
  { header: "STATE" },
];

type Listed = IssuedCertificate & { readonly state: "good" | "revoked" | "expired" };

export default class CertList extends RelayctlCommand {
  static override summary = "List the certificates that were issued, and which of them are revoked.";
  static override description = "Those that were issued before there was a ledger (issued.jsonl in DIR) are not in it.";
  static override examples = ["<%= config.bin %> <%= command.id %> --dir relay"];
  static override flags = {
    dir: Flags.string({ required: true, helpValue: "DIR", summary: "Where ca.pem is." }),
  };

  override async run(): Promise<{ certificates: readonly Listed[] }> {
    const { flags } = await this.parse(CertList);
    const now = new Date().toISOString();
    const { certificates } = await readLedger(flags.dir);
    const listed = certificates.map((certificate) => ({ ...certificate, state: stateOf(certificate, now) }));
    if (listed.length === 0)
      this.log(`nothing was issued in ${flags.dir} yet; relayctl cert issue NAME --dir ${flags.dir}`);
    else this.log(formatTable(COLUMNS, listed.map(cells), stylesFor(process.stdout, process.env)).join("\n"));
    return { certificates: listed };
  }
}

function stateOf({ notAfter, revokedAt }: IssuedCertificate, now: string): Listed["state"] {
  if (revokedAt !== null) return "revoked";
  return notAfter <= now ? "expired" : "good";
}

function cells({ names, serial, notAfter, state, revokedAt }: Listed): string[] {
  return [
    names.join(", "),
    serial,
    notAfter.slice(0, 10),
    revokedAt === null ? state : `revoked ${revokedAt.slice(0, 10)}`,
  ];
}
