/** Scripts that make a shell complete relayctl's commands and flags, from what the commands say of themselves. */

export interface Completable {
  /** "route add" */
  readonly words: string;
  readonly summary: string;
  /** "--json", "--socket" */
  readonly flags: readonly string[];
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, commands: readonly Completable[]): string {
  switch (shell) {
    case "bash":
      return bashScript(commands);
    case "zsh":
      // zsh runs bash's completions, and so there is one to keep right.
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
    case "fish":
      return fishScript(commands);
  }
}

function bashScript(commands: readonly Completable[]): string {
  const cases = casesOf(commands).map(([words, next]) => `    ${quote(words)}) next=${quote(next.join(" "))} ;;`);
  return `# relayctl completion for bash: relayctl completion bash > /etc/bash_completion.d/relayctl
_relayctl() {
  local word words="" next="" current="\${COMP_WORDS[COMP_CWORD]}"
  local -i index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$word" in -*) ;; *) _relayctl_next "\${words:+$words }$word" && words="\${words:+$words }$word" ;; esac
  done
  _relayctl_next "$words"
  COMPREPLY=($(compgen -W "$next" -- "$current"))
}
_relayctl_next() {
  case "$1" in
${cases.join("\n")}
    *) return 1 ;;
  esac
}
complete -o default -F _relayctl relayctl
`;
}

function fishScript(commands: readonly Completable[]): string {
  const lines = commands.flatMap(({ words, summary, flags }) => {
    const parts = words.split(" ");
    const last = parts.at(-1) ?? "";
    const before = parts.slice(0, -1);
    const when = before.length === 0 ? "__fish_use_subcommand" : `__fish_seen_subcommand_from ${before.join(" ")}`;
    const seen = `__fish_seen_subcommand_from ${last}`;
    return [
      ...before.map((topic) => `complete -c relayctl -f -n __fish_use_subcommand -a ${topic}`),
      `complete -c relayctl -f -n ${quote(when)} -a ${last} -d ${quote(summary)}`,
      ...flags.map((flag) => `complete -c relayctl -n ${quote(seen)} -l ${flag.replace(/^--/, "")}`),
    ];
  });
  return `# relayctl completion for fish: relayctl completion fish > ~/.config/fish/completions/relayctl.fish\n${[...new Set(lines)].join("\n")}\n`;
}

/** What may stand behind each beginning of a command line: the next words, or, behind a whole command, its flags. */
function casesOf(commands: readonly Completable[]): [words: string, next: string[]][] {
  const next = new Map<string, Set<string>>();
  const add = (words: string, word: string) => next.set(words, (next.get(words) ?? new Set()).add(word));
  for (const { words, flags } of commands) {
    const parts = words.split(" ");
    for (const [index, part] of parts.entries()) add(parts.slice(0, index).join(" "), part);
    for (const flag of flags) add(words, flag);
  }
  return [...next].map(([words, set]) => [words, [...set].toSorted()]);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
