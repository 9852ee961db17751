/** The YAML text of a configuration: its value, and the line and column of every key, for messages. */
import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { reason } from "../io-error.ts";

/** Leads from the top of the file to a value: `["tls", "cert"]`, `["routes", 0, "between"]`. */
export type KeyPath = readonly (string | number)[];

export interface Source {
  /** what the file says; undefined if `problems` holds anything */
  readonly value: unknown;
  /** `FILE:LINE:COL: what is wrong`, each */
  readonly problems: readonly string[];
  /** `FILE:LINE:COL key.path` of the value at `path`; of what should hold it if it is not there */
  at(path: KeyPath): string;
  /** the same, of the key instead of its value */
  atKey(path: KeyPath): string;
}

/** Never throws: what cannot be parsed is in `problems`. `label` is the file's name in messages. */
export function parseSource(text: string, label: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });

  function position(offset: number): string {
    const { line, col } = lines.linePos(offset);
    return `${label}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  }
  function nodeAt(path: KeyPath): Node | null {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return node;
    }
    return null;
  }
  function keyNode(path: KeyPath): Node | null {
    const owner = document.getIn(path.slice(0, -1), true);
    const pair = isMap(owner)
      ? owner.items.find((item) => isScalar(item.key) && String(item.key.value) === path.at(-1))
      : undefined;
    return isNode(pair?.key) ? pair.key : nodeAt(path);
  }
  function described(node: Node | null, path: KeyPath): string {
    return `${position(node?.range?.[0] ?? 0)} ${formatKeyPath(path)}`;
  }

  const parsed = [...document.errors, ...document.warnings];
  const problems = parsed.map((error) => `${position(error.pos[0])}: ${explain(error.code, error.message)}`);
  let value: unknown;
  if (problems.length === 0) {
    try {
      value = document.toJS();
    } catch (error) {
      problems.push(`${position(0)}: ${reason(error)}; write it without aliases`);
    }
    if (!isMap(document.contents)) {
      problems.push(
        `${position(0)}: ${value === null ? "the file is empty" : "the file holds no keys"}; see relayd --help`,
      );
    }
  }
  return {
    value,
    problems,
    at: (path) => described(nodeAt(path), path),
    atKey: (path) => described(keyNode(path), path),
  };
}

/** `routes[0].between` */
export function formatKeyPath(path: KeyPath): string {
  return path.map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`)).join("");
}

function explain(code: string, message: string): string {
  const advice: Record<string, string> = {
    TAB_AS_INDENT: "indent with spaces",
    DUPLICATE_KEY: "remove one of the two",
    MULTIPLE_DOCS: "keep one document only",
  };
  return `${message.replace(/\.$/, "")}; ${advice[code] ?? "put text that holds [ ] { } : or # in quotes, and check the indentation"}`;
}
