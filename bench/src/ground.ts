/** What every peer stands on: a temporary directory, certificates of one CA, and ports that are free. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority, type Identity } from "@serverless-relay/pki";
import type { NativePrograms } from "./build.ts";

/** Below the range from which the kernel takes the ports of outgoing connections. */
const FIRST_PORT = 20_000;
const LAST_PORT = 31_000;

/** Files in PEM. `both` holds certificate and key. */
export interface IdentityFiles {
  readonly cert: string;
  readonly key: string;
  readonly both: string;
}

export class Ground {
  readonly native: NativePrograms;
  readonly directory: string;
  readonly ca: string;
  /** the two functions, the relay, and a proxy that dials on behalf of a function */
  readonly identities: Readonly<Record<"f1" | "f2" | "relay" | "proxy", IdentityFiles>>;
  #nextPort = FIRST_PORT + Math.floor(Math.random() * 5_000);
  #directories = 0;

  private constructor(native: NativePrograms, directory: string, ca: string, identities: Ground["identities"]) {
    this.native = native;
    this.directory = directory;
    this.ca = ca;
    this.identities = identities;
  }

  static async prepare(native: NativePrograms): Promise<Ground> {
    const directory = mkdtempSync(join(tmpdir(), "relay-bench-"));
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
    const authority = await createAuthority({ commonName: "relay bench" });
    const ca = join(directory, "ca.pem");
    writeFileSync(ca, authority.certPem);
    const keep = (name: string, identity: Identity) => writeIdentity(directory, name, identity);
    return new Ground(native, directory, ca, {
      f1: keep("f1", await authority.issueFunction({ names: ["f1"] })),
      f2: keep("f2", await authority.issueFunction({ names: ["f2"] })),
      relay: keep("relay", await authority.issueRelay({ hosts: ["localhost", "127.0.0.1"] })),
      proxy: keep("proxy", await authority.issueFunction({ names: ["proxy"] })),
    });
  }

  /** A new directory for one peer that runs. */
  makeDirectory(name: string): string {
    const path = join(this.directory, `${++this.#directories}-${name}`);
    mkdirSync(path);
    return path;
  }

  /** A port of 127.0.0.1 that nobody listens on. */
  async freePort(): Promise<number> {
    for (;;) {
      const port = this.#nextPort++;
      if (this.#nextPort > LAST_PORT) this.#nextPort = FIRST_PORT;
      if (await isFree(port)) return port;
    }
  }
}

function writeIdentity(directory: string, name: string, { certPem, keyPem }: Identity): IdentityFiles {
  const write = (file: string, text: string) => {
    const path = join(directory, file);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    cert: write(`${name}.pem`, certPem),
    key: write(`${name}.key`, keyPem),
    both: write(`${name}-both.pem`, `${certPem.trimEnd()}\n${keyPem.trimEnd()}\n`),
  };
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return promise;
}
