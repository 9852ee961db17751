/** What all commands have in common: `--json`, and that failures are reported in main.ts. */
import { Command } from "@oclif/core/command";

export abstract class RelayctlCommand extends Command {
  static override enableJsonFlag = true;

  protected override async catch(error: Error): Promise<never> {
    throw error;
  }
}
