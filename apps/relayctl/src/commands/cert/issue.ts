import * as Flags from "@oclif/core/flags";
import { type IssuedIdentity, issueIdentity, namesWithoutEffect, wasShortened } from "../../function-identity.ts";
import { functionName } from "../../function-name.ts";
import { RelayctlCommand } from "../../relayctl-command.ts";

export default class CertIssue extends RelayctlCommand {
  static override summary = "Issue a function's certificate, from the authority that init made.";
  static override description =
    "Writes NAME.pem and NAME.key into DIR; the delimiters of a URI are percent-encoded in the file names. Never overwrites.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> f1 --dir relay",
    "<%= config.bin %> <%= command.id %> spiffe://example.org/f1 --dir relay --out f1",
    "<%= config.bin %> <%= command.id %> f2 --dir relay --name f2.example --days 30",
  ];
  static override args = {
    name: functionName({
      required: true,
      description: "name of the function: f1, or a URI as spiffe://example.org/f1",
    }),
  };
  static override flags = {
    dir: Flags.string({ required: true, helpValue: "DIR", summary: "Where ca.pem and ca.key are." }),
    name: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "EXTRA",
      summary: "A further name of the function; may be repeated.",
    }),
    days: Flags.integer({ min: 1, helpValue: "N", summary: "How long it is valid. Default: 365." }),
    out: Flags.string({ helpValue: "BASENAME", summary: "Name of the two files, instead of NAME." }),
  };

  override async run(): Promise<IssuedIdentity> {
    const { args, flags } = await this.parse(CertIssue);
    const { dir, name: extra = [], days, out } = flags;
    const issued = await issueIdentity({
      dir,
      names: [args.name, ...extra],
      ...(days !== undefined && { days }),
      ...(out !== undefined && { out }),
    });
    this.log(`${issued.certificate}, ${issued.key}: ${issued.names.join(", ")}, until ${issued.notAfter.slice(0, 10)}`);
    const without = namesWithoutEffect(issued.names);
    if (without.length > 0) this.log(`note: the relay goes by the URI alone; routes cannot name ${without.join(", ")}`);
    const isShort = days !== undefined && wasShortened(issued, days);
    if (isShort) this.log("note: it ends when the authority does, sooner than asked for");
    return issued;
  }
}
