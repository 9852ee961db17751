/** Which side of the inner TLS each end of a pair takes (PROTOCOL.md, "Roles"). */
import { otherRole, type Role } from "@serverless-relay/protocol";
import type { Arrival, Pair } from "./rendezvous.ts";

/**
 * The role of the pair's second end; the first one's is the other. An end that asked gets what it asked for. If neither
 * did, f1 of the route is the client; between two ends of the same name, or of none, the later one is.
 */
export function roleOfSecond<A extends Arrival>({ first, second, told }: Pair<A>): Role {
  if (told !== undefined) return told.roleOfSecond;
  if (second.role !== undefined) return second.role;
  if (first.role !== undefined) return otherRole(first.role);
  if (first.name === second.name) return "client";
  return second.name === second.route.f1 ? "client" : "server";
}
