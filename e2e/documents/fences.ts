/**
 * The fenced blocks of a document, and what their info strings say is to be done with them (CONTRIBUTING.md, "Documents"):
 * ```sh, ```sh terminal ready="listening", ```sh fails, ```sh elsewhere="why", ```text prints, ```text resembles, ```js file="PATH".
 */

export interface Fence {
  /** of the document, counted from 1: where the block begins */
  readonly line: number;
  /** the first word of the info string; "" if there is none */
  readonly language: string;
  readonly words: ReadonlySet<string>;
  /** what is said as NAME="VALUE" */
  readonly values: Readonly<Record<string, string>>;
  readonly text: string;
}

const FENCE = /^(?<indent> *)```(?<info>[^\n`]*)\n(?<text>.*?)^\k<indent>```$/gms;
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  sh: ["terminal", "ready", "fails", "elsewhere"],
  text: ["prints", "resembles"],
  js: ["file"],
};
/** What a block that nobody runs must not begin a line with. */
const COMMAND =
  /^\s*(?:\$ )?(?:npx|npm|pnpm|node|curl|openssl|python3?|go|java|relayd|relayctl|relay-sidecar|docker) /m;

/** Throws if an info string says what is not known, or commands are in a block that is not marked as ```sh. */
export function fencesOf(markdown: string): Fence[] {
  return [...markdown.matchAll(FENCE)].map((match) => {
    const { info = "", text = "" } = match.groups ?? {};
    const line = markdown.slice(0, match.index).split("\n").length;
    const values = Object.fromEntries([...info.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    const [language = "", ...words] = info
      .replaceAll(/\w+="[^"]*"/g, "")
      .trim()
      .split(/\s+/);
    const known = KNOWN[language] ?? [];
    const unknown = [...words, ...Object.keys(values)].filter((word) => !known.includes(word));
    if (unknown.length > 0) throw new Error(`line ${line}: \`\`\`${language} knows no ${unknown.join(", ")}`);
    if (language === "" && COMMAND.test(text))
      throw new Error(`line ${line}: commands belong into a block of \`\`\`sh`);
    return { line, language, words: new Set(words), values, text };
  });
}
