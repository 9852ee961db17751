/** Takes the processor away from a process, but for a twentieth of the time: as a neighbour does, or a container's quota. */
import { Running } from "@serverless-relay/testkit";

const RUNS_S = 0.005;
const STOPS_S = 0.095;

/** While `task` runs, `pid` is stopped for 95 ms out of each 100. It runs afterwards, whatever comes. */
export async function whileStarved<T>(pid: number, task: () => Promise<T>): Promise<T> {
  const loop = `import os, signal, sys, time
print("starving", flush=True)
while True:
    os.kill(${pid}, signal.SIGCONT); time.sleep(${RUNS_S})
    os.kill(${pid}, signal.SIGSTOP); time.sleep(${STOPS_S})`;
  const starver = Running.startCommand("python3", ["-c", loop]);
  try {
    await starver.line(/starving/);
    return await task();
  } finally {
    await starver.stop("SIGKILL");
    process.kill(pid, "SIGCONT");
  }
}
