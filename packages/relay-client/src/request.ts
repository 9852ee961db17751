/** The second phase: CONNECT, through Node's own HTTP client, and the relay's answer: paired, or refused and why. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { Field, formatTarget, isRole, type Role } from "@serverless-relay/protocol";
import { http } from "./builtins.ts";
import { formatAddress, type Link } from "./dial.ts";
import { RelayProtocolError, RelayUnreachable } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { messageOf } from "./node-error.ts";
import type { Plan } from "./options.ts";
import { readRefusal } from "./refusal.ts";

/** What the 200 says. */
export interface Paired {
  readonly session: string;
  readonly role: Role;
  /** the first bytes of the session, where they came together with the answer */
  readonly rest: Buffer;
}

/**
 * Writes the request into `exchange`, and reads the answer there, whenever it comes. The exchange has let go of the
 * connection when this settles. Throws RelayRefused, RelayProtocolError, RelayUnreachable.
 */
export async function ask(link: Link, exchange: Exchange, plan: Plan): Promise<Paired> {
  const target = formatTarget(plan.peer, plan.port);
  const request = http().request({
    method: "CONNECT",
    path: target,
    headers: { host: target, ...fields(plan) },
    createConnection: () => exchange,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Paired>();
  request.on("error", (error: NodeJS.ErrnoException) => reject(translate(link, error)));
  // Node gives every answer to a CONNECT here, whatever its status, and does not read its content.
  request.on("connect", (response, _stream, head) => {
    if (response.statusCode !== 200) {
      readRefusal(response, head, exchange).then(reject, reject);
      return;
    }
    const bare = exchange.isBare;
    const rest = Buffer.concat([head, exchange.release()]);
    try {
      resolve({ ...readPaired(response, plan, bare), rest });
    } catch (error) {
      reject(error);
    }
  });
  request.end();
  try {
    return await promise;
  } finally {
    exchange.destroy();
  }
}

function fields(plan: Plan): OutgoingHttpHeaders {
  return {
    [Field.transport]: plan.transport,
    ...(plan.channel === undefined ? {} : { [Field.channel]: plan.channel }),
    ...(plan.as === undefined ? {} : { [Field.as]: plan.as }),
    ...(plan.role === undefined ? {} : { [Field.role]: plan.role }),
    ...(plan.wait === undefined ? {} : { [Field.prefer]: `wait=${plan.wait}` }),
  };
}

function readPaired(response: IncomingMessage, plan: Plan, bare: boolean): Omit<Paired, "rest"> {
  const { transport, session, peer, role } = Field;
  const { headers } = response;
  if (bare !== (plan.transport === "raw")) {
    throw new RelayProtocolError(
      `asked for transport ${plan.transport}, the relay answered ${bare ? "outside" : "inside"} TLS`,
    );
  }
  demand(headers, transport, (value) => value === plan.transport, `"${plan.transport}", as asked`);
  demand(headers, peer, (value) => value === plan.peer, `"${plan.peer}", as asked`);
  const ownRole = demand(headers, role, isRole, `"client" or "server"`);
  if (plan.role !== undefined) demand(headers, role, (value) => value === plan.role, `"${plan.role}", as asked`);
  return { session: demand(headers, session, (value) => value !== "", "an id"), role: ownRole };
}

function demand<T extends string>(
  headers: IncomingMessage["headers"],
  field: string,
  fits: ((value: string) => value is T) | ((value: string) => boolean),
  expected: string,
): T {
  const value = headers[field];
  if (typeof value === "string" && fits(value)) return value as T;
  throw new RelayProtocolError(
    `the relay's answer has ${value === undefined ? "no" : JSON.stringify(value)} ${field}: it must be ${expected}`,
  );
}

function translate(link: Link, error: NodeJS.ErrnoException): Error {
  const relay = formatAddress(link.relay);
  if (error.code?.startsWith("HPE_")) {
    return new RelayProtocolError(`what relay ${relay} answered is not HTTP: ${error.message}`, error);
  }
  return new RelayUnreachable(`relay ${relay} was lost before it answered: ${messageOf(error)}`, true, error);
}
