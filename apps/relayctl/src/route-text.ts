/** Routes and listeners in words. */
import type { RouteListener, RouteNames } from "@serverless-relay/control-api";
import { printable } from "./styles.ts";

export function routeText({ f1, f2 }: RouteNames): string {
  return printable(`${f1} <-> ${f2}`);
}

/** "bare 127.0.0.1:20000", and what is wrong with it if it is down */
export function listenerText({ protocol, host, port, state, error }: RouteListener): string {
  const address = `${protocol} ${host.includes(":") ? `[${host}]` : host}:${port}`;
  return printable(state === "up" ? address : `${address} DOWN: ${error ?? "reason unknown"}`);
}
