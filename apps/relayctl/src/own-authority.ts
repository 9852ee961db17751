/** The authority of an installation: opened from ca.pem and ca.key, with its errors in relayctl's words. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Authority } from "@serverless-relay/pki";
import { CommandFailed } from "./failure.ts";
import { isErrno, translated } from "./new-files.ts";

/** Throws CommandFailed. */
export async function openOwnAuthority(dir: string): Promise<Authority> {
  const [certPem, keyPem] = await Promise.all([readOwn(dir, "ca.pem"), readOwn(dir, "ca.key")]);
  const { openAuthority } = await import("@serverless-relay/pki");
  return await translatingPkiErrors(dir, () => openAuthority(certPem, keyPem));
}

export async function translatingPkiErrors<T>(dir: string, act: () => Promise<T>): Promise<T> {
  const { PkiError } = await import("@serverless-relay/pki");
  try {
    return await act();
  } catch (error) {
    if (error instanceof PkiError)
      throw new CommandFailed("bad_authority", `ca.pem, ca.key in ${dir}: ${error.message}`);
    throw error;
  }
}

async function readOwn(dir: string, name: string): Promise<string> {
  try {
    return await readFile(join(dir, name), "utf8");
  } catch (error) {
    if (!isErrno(error) || error.code !== "ENOENT") throw translated(error);
    const elsewhere = name === "ca.key" ? "name the directory where the authority's key is kept, or " : "";
    const advice = `${elsewhere}make an authority with relayctl init --dir ${dir}`;
    throw new CommandFailed("no_authority", `${join(dir, name)}: no such file; ${advice}`);
  }
}
