/** A relay's directory made new: an authority, the relay's certificate, and a configuration that puts them to use. */
import { isIP } from "node:net";
import { CommandFailed } from "./failure.ts";
import { assertAbsent, writeNewFiles } from "./new-files.ts";
import { CRL, emptyCrl } from "./own-crl.ts";
import { RELAYD_YAML } from "./relayd-yaml.ts";

export const DEFAULT_HOSTS = ["localhost", "127.0.0.1", "::1"] as const;

const FILES = ["ca.pem", "ca.key", "crl.pem", "relay.pem", "relay.key", "relayd.yaml"] as const;

/** Makes the files in `dir`; the relay's certificate is for `hosts`. Gives their names. Throws CommandFailed. */
export async function createInstallation(dir: string, hosts: readonly string[]): Promise<readonly string[]> {
  hosts.forEach(checkHost);
  await assertAbsent(dir, FILES);
  const { createAuthority } = await import("@serverless-relay/pki");
  const authority = await createAuthority({ commonName: "serverless-relay CA" });
  const relay = await authority.issueRelay({ hosts });
  await writeNewFiles(dir, [
    { name: "ca.pem", content: authority.certPem },
    { name: "ca.key", content: authority.keyPem, secret: true },
    { name: CRL, content: await emptyCrl(authority) },
    { name: "relay.pem", content: relay.certPem },
    { name: "relay.key", content: relay.keyPem, secret: true },
    { name: "relayd.yaml", content: RELAYD_YAML },
  ]);
  return FILES;
}

/** Whether a relay that is dialled by this host has to listen on more than the loopback interface. */
export function isRemote(host: string): boolean {
  return host !== "localhost" && host !== "::1" && !host.startsWith("127.");
}

function checkHost(host: string): void {
  if (isIP(host) !== 0 || /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i.test(host)) return;
  throw new CommandFailed("invalid_host", `--host ${JSON.stringify(host)} is neither a host name nor an IP address`);
}
