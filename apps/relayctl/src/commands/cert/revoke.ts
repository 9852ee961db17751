import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { RelayctlCommand } from "../../relayctl-command.ts";
import { type Revocation, revoke } from "../../revocation.ts";
import { printable } from "../../styles.ts";

export default class CertRevoke extends RelayctlCommand {
  static override summary = "Revoke a function's certificates, and write the revocation list.";
  static override description =
    "WHAT is a function's name (all its certificates are revoked), a certificate's file, or a serial number. Writes crl.pem in DIR; a relayd whose tls.crl names that file takes it up by itself, and ends what the certificates are used in.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> f1 --dir relay",
    "<%= config.bin %> <%= command.id %> relay/f1.pem --dir relay",
  ];
  static override args = {
    what: Args.string({ name: "WHAT", required: true, description: "a name, a file or a serial number" }),
  };
  static override flags = {
    dir: Flags.string({ required: true, helpValue: "DIR", summary: "Where ca.pem and ca.key are." }),
  };

  override async run(): Promise<Revocation> {
    const { args, flags } = await this.parse(CertRevoke);
    const done = await revoke(flags.dir, args.what);
    for (const { serial, names } of done.revoked)
      this.log(printable(`revoked ${serial}: ${names.join(", ") || "no names known"}`));
    this.log(`written ${done.crl}`);
    if (done.named === false) {
      this.log(`note: relayd.yaml does not name it, so nobody is refused yet; add to tls: crl: crl.pem`);
    }
    return done;
  }
}
