/** Compiles the C programs of native/ at the first run, and again when their sources have changed. */
import { execFile } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const native = fileURLToPath(new URL("../native/", import.meta.url));
const built = fileURLToPath(new URL("../.build/", import.meta.url));

export interface NativePrograms {
  /** both ends of the pairs */
  readonly load: string;
  /** the reference relay */
  readonly reference: string;
}

/** Paths of the programs. Throws if there is no C compiler, or no OpenSSL to compile with. */
export async function buildNative(): Promise<NativePrograms> {
  await mkdir(built, { recursive: true });
  const load = (await readdir(join(native, "load"))).map((name) => join(native, "load", name));
  return {
    load: await compile("load", load, ["-lssl", "-lcrypto", "-lpthread"]),
    reference: await compile("reference-relay", [join(native, "reference-relay.c")], []),
  };
}

async function compile(name: string, sources: readonly string[], libraries: readonly string[]): Promise<string> {
  const program = join(built, name);
  if ((await changed(program)) > Math.max(...(await Promise.all(sources.map(changed))))) return program;
  const units = sources.filter((source) => source.endsWith(".c"));
  try {
    await run("cc", ["-O2", "-Wall", "-Wextra", "-o", program, ...units, ...libraries]);
  } catch (cause) {
    throw new Error(`cannot compile bench/native (${name}); install gcc and libssl-dev, see bench/README.md`, {
      cause,
    });
  }
  return program;
}

/** When a file was last changed; 0 if it is not there. */
async function changed(path: string): Promise<number> {
  return await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
