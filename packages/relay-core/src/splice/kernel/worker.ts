/** A splice thread: its loop, from start to end. It never returns to Node's own event loop in between. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { Loop } from "./loop.ts";
import type { Command, Report, ThreadSetup } from "./messages.ts";

const setup = workerData as ThreadSetup;

const loop = new Loop(
  setup,
  () => receiveMessageOnPort(setup.commands)?.message as Command | undefined,
  (report: Report) => parentPort?.postMessage(report),
);
loop.run();
setup.commands.close();
