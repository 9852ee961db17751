/** Has system calls of a process fail, by strace. */
import { Running } from "@serverless-relay/testkit";

/**
 * Runs `act` while system calls fail as `injection` says ("splice:error=EINVAL:when=9"), of what `traced` names: `-p PID` for a
 * thread, with `-f` for all of its process.
 */
export async function whileFailing(
  traced: readonly string[],
  injection: string,
  act: () => Promise<void>,
): Promise<void> {
  const [calls = ""] = injection.split(":");
  const args = [...traced, "-e", `trace=${calls}`, "-e", `inject=${injection}`, "-o", "/dev/null"];
  const strace = Running.startCommand("strace", args);
  await strace.line(/attached/);
  try {
    await act();
  } finally {
    await strace.stop("SIGINT");
  }
}
