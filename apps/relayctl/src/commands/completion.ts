import * as Args from "@oclif/core/args";
import { type Completable, completionScript, SHELLS, type Shell } from "../completion.ts";
import { RelayctlCommand } from "../relayctl-command.ts";

export default class Completion extends RelayctlCommand {
  static override summary = "Print what makes a shell complete commands and flags.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> bash > /etc/bash_completion.d/relayctl",
    "source <(<%= config.bin %> <%= command.id %> zsh)",
    "<%= config.bin %> <%= command.id %> fish > ~/.config/fish/completions/relayctl.fish",
  ];
  static override args = {
    shell: Args.string({ required: true, options: [...SHELLS], description: "the shell that it is for" }),
  };

  override async run(): Promise<{ shell: Shell; script: string }> {
    const { args } = await this.parse(Completion);
    const shell = args.shell as Shell;
    const commands = this.config.commands.map(
      ({ id, summary = "", flags }): Completable => ({
        words: id.replaceAll(":", " "),
        summary,
        flags: ["help", ...Object.keys(flags)].map((name) => `--${name}`),
      }),
    );
    const script = completionScript(shell, commands);
    this.log(script.trimEnd());
    return { shell, script };
  }
}
