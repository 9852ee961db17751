import { existsSync } from "node:fs";
import { glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ReservedPorts, RunningRelay, reservePorts } from "@serverless-relay/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toolchains } from "./clients/toolchains.ts";
import { fencesOf } from "./documents/fences.ts";
import { type Reader, walkThrough } from "./documents/walk-through.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Programs that an example needs, which not everybody has. */
const NEEDS: Readonly<Record<string, string>> = { "examples/go": "go", "examples/java": "javac" };

/** Whole walks through whole documents, beside whatever else the machine has to do. */
const DOCUMENT_MS = 300_000;

const paths: string[] = [];
for await (const path of glob(["README.md", "packages/*/README.md", "docs/**/*.md", "examples/*/README.md"], {
  cwd: ROOT,
})) {
  if (toolchains().has(NEEDS[dirname(path)] ?? "curl")) paths.push(path);
}
const examples = paths.filter((path) => path.startsWith("examples/"));
const others = paths.filter((path) => !path.startsWith("examples/"));

/** of the reader */
let notes: string;

beforeAll(async () => {
  notes = await mkdtemp(join(tmpdir(), "relay-reader-"));
  await mkdir(join(notes, "bin"));
  await symlink(join(ROOT, "e2e/documents/npx.sh"), join(notes, "bin/npx"));
});

afterAll(() => rm(notes, { recursive: true }));

async function readerOf(more: Partial<Reader> & { env?: Record<string, string> }): Promise<Reader> {
  const own = await mkdtemp(join(notes, "document-"));
  const env = { NO_COLOR: "1", PATH: `${join(notes, "bin")}:${process.env.PATH}`, ...more.env };
  return { cwd: ROOT, notes: own, substitute: (text) => text, prepare: async () => {}, ...more, env };
}

describe("with a relay that is there", () => {
  let relay: RunningRelay;
  let ports: ReservedPorts;

  beforeAll(async () => {
    ports = await reservePorts(6);
    relay = await RunningRelay.prepare({
      yaml: `wake: { allow: [{ url: "http://127.0.0.1:${ports.first + 4}/", token: wake.token }] }`,
    });
    await relay.write("wake.token", "a-token");
    await relay.boot();
    await relay.control.addRoute({ f1: "f1", f2: "f2" });
    await relay.control.addRoute({ f1: "mapper", f2: "reducer" });
    for (const name of ["f1", "f2", "mapper", "reducer"]) await relay.issue(name);
  });

  afterAll(async () => {
    await ports.release();
    await relay.finish();
  });

  it.each(examples)(
    "%s",
    async (path) => {
      const names = ["F1_PORT", "F2_PORT", "HTTP_PORT", "LAMBDA_PORT", "WAKE_PORT", "INSTANCE_PORT"];
      const listening = Object.fromEntries(names.map((name, index) => [name, `${ports.first + index}`]));
      const env = {
        RELAY: `localhost:${relay.port}`,
        CERTS: relay.directory,
        RELAYD_SOCKET: relay.socket,
        ...listening,
      };
      const reader = await readerOf({ cwd: join(ROOT, dirname(path)), env });
      await walkThrough(fencesOf(await readFile(join(ROOT, path), "utf8")), reader);
    },
    DOCUMENT_MS,
  );
});

describe("from nothing", () => {
  it.each(others)(
    "%s",
    async (path) => {
      const ports = await reservePorts(1);
      const directory = join(notes, `relay-${encodeURIComponent(path)}`);
      const config = join(directory, "relayd.yaml");
      const substitute = (text: string) =>
        text.replaceAll("/tmp/relay", directory).replaceAll("8443", `${ports.first}`);
      const prepare = async () => {
        if (existsSync(config)) await writeFile(config, substitute(await readFile(config, "utf8")));
      };
      try {
        const reader = await readerOf({ substitute, prepare });
        await walkThrough(fencesOf(await readFile(join(ROOT, path), "utf8")), reader);
      } finally {
        await ports.release();
      }
    },
    DOCUMENT_MS,
  );
});

it("the README and each example are among them", () => {
  expect(paths).toContain("README.md");
  expect(paths).toEqual(
    expect.arrayContaining(
      ["python", "curl", "openssl", "functions-framework", "lambda", "shuffle"].map(
        (name) => `examples/${name}/README.md`,
      ),
    ),
  );
});

describe("this test notices", () => {
  it.each([
    ["a command that fails", "\n```sh\nfalse | true\n```\n", /^line 2: it ended with 1/],
    ["output that is not as shown", "```sh\necho one\n```\n\n```text prints\none\ntwo\n```\n", /^line 5: .* "two"/],
    ["a failure that does not come", "```sh fails\ntrue\n```\n", /^line 1: it ended with 0/],
    ["a terminal that fails", "```sh terminal\nexit 3\n```\n\n```sh\ntrue\n```\n", /^line 1: it ended with 3/],
    ["commands that nobody runs", "```\ncurl https://f2/\n```\n", /^line 1: commands belong/],
    ["a word that means nothing", "```sh sometimes\ntrue\n```\n", /^line 1: .* sometimes/],
  ])("%s", async (_what, markdown, why) => {
    const walk = async () => walkThrough(fencesOf(markdown), await readerOf({}));
    await expect(walk()).rejects.toThrow(why);
  });
});
