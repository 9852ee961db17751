import type { Session } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { sessionId } from "../../session-id.ts";
import { describeSession } from "../../session-text.ts";

export default class SessionShow extends DaemonCommand {
  static override summary = "Show a session: its two ends, and what each has sent.";
  static override examples = [
    "<%= config.bin %> <%= command.id %> 9f2c41d07be35a68",
    "<%= config.bin %> <%= command.id %> 9f2c41d07be35a68 --json",
  ];
  static override args = { id: sessionId() };

  override async run(): Promise<Session> {
    const { args, flags } = await this.parse(SessionShow);
    const session = await this.askDaemon(flags.socket, (daemon) => daemon.getSession(args.id));
    this.log(describeSession(session, Date.now()).join("\n"));
    return session;
  }
}
