/** Resident memory says what is held only once what is not has been collected: V8 does that in its own time, unless it is told to. */
import { once } from "node:events";
import { at } from "../peer.ts";

/** Before a command, for a Node process that can be told to collect garbage by way of that port. */
export function collectable(port: number): string[] {
  return ["env", `NODE_OPTIONS=--inspect=${at(port)}`];
}

/** Has the process that was started so, on that port, collect all its garbage. */
export async function collectGarbage(port: number): Promise<void> {
  const answer = await fetch(`http://${at(port)}/json`);
  const [target] = (await answer.json()) as { readonly webSocketDebuggerUrl: string }[];
  if (target === undefined) throw new Error(`no process can be inspected at ${at(port)}`);
  const inspector = new WebSocket(target.webSocketDebuggerUrl);
  await once(inspector, "open");
  const collected = once(inspector, "message");
  inspector.send(JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" }));
  await collected;
  const closed = once(inspector, "close");
  inspector.close();
  await closed;
}
