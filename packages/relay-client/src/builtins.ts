/**
 * The parts of Node that a connection needs, and an import does not. As ES modules they would be evaluated with all that
 * they export, on a cold start, before a line of the function runs.
 */
export const net = (): typeof import("node:net") => process.getBuiltinModule("node:net");
export const tls = (): typeof import("node:tls") => process.getBuiltinModule("node:tls");
export const http = (): typeof import("node:http") => process.getBuiltinModule("node:http");
export const crypto = (): typeof import("node:crypto") => process.getBuiltinModule("node:crypto");
