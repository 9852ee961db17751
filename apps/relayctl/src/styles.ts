/** Emphasis on a terminal, and nothing but plain text anywhere else. */

type Style = (text: string) => string;

export interface Styles {
  readonly bold: Style;
  readonly warning: Style;
}

export const PLAIN: Styles = { bold: (text) => text, warning: (text) => text };

const ANSI: Styles = {
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  warning: (text) => `\u001b[33m${text}\u001b[39m`,
};

/** ANSI only on a terminal, and not where NO_COLOR (no-color.org) is set and not empty. */
export function stylesFor(
  { isTTY }: { readonly isTTY?: boolean },
  { NO_COLOR }: Readonly<Record<string, string | undefined>>,
): Styles {
  return isTTY && !NO_COLOR ? ANSI : PLAIN;
}

/** Text from elsewhere, with nothing in it that could drive a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
