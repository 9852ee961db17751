import type { KilledSession } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { sessionId } from "../../session-id.ts";
import { printable } from "../../styles.ts";

export default class SessionKill extends DaemonCommand {
  static override summary = "End a session: both ends see a reset.";
  static override description =
    "The two may meet again at once, as their route is still there; relayctl route delete --kill ends that, too.";
  static override examples = ["<%= config.bin %> <%= command.id %> 9f2c41d07be35a68"];
  static override args = { id: sessionId() };

  override async run(): Promise<KilledSession> {
    const { args, flags } = await this.parse(SessionKill);
    const killed = await this.askDaemon(flags.socket, (daemon) => daemon.killSession(args.id));
    this.log(printable(`session ${killed.id} ended`));
    return killed;
  }
}
