/** What is wrong with a configuration, all of it at once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** one line each: `FILE:LINE:COL key.path: what is wrong; what to do` */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}
