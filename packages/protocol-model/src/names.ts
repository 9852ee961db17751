/** PROTOCOL.md section 4: what may be a function's name, and which a certificate bears. */
const ALNUM = "[A-Za-z0-9]";
const HOST_NAME = new RegExp(`^${ALNUM}[A-Za-z0-9._-]*$`);
const URI_NAME = /^[a-z][a-z0-9+.-]*:\/\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})+$/;

export function isFunctionName(text: string): boolean {
  return text.length >= 1 && text.length <= 512 && (HOST_NAME.test(text) || URI_NAME.test(text));
}

/** What a certificate says of its subject. `san: null`: it has no subject alternative name extension. */
export interface CertifiedNames {
  readonly san: { readonly uris: readonly string[]; readonly dns: readonly string[] } | null;
  readonly commonNames: readonly string[];
}

/** 4.2. Each name once, however often it is there. */
export function namesOf({ san, commonNames }: CertifiedNames): readonly string[] {
  return [...new Set(candidates(san, commonNames).filter(isFunctionName))];
}

function candidates(san: CertifiedNames["san"], commonNames: readonly string[]): readonly string[] {
  if (san === null) return commonNames.length === 1 ? commonNames : [];
  if (san.uris.length === 0) return san.dns;
  const severalWithSpiffe = san.uris.length > 1 && san.uris.some((uri) => uri.startsWith("spiffe:"));
  return severalWithSpiffe ? [] : san.uris;
}
