/** Field lines: those that mean something to the relay (PROTOCOL.md section 5.2), those that must not, and those that try. */
import fc from "fast-check";

const GOOD = {
  transport: ["raw", "tls"],
  channel: ["443", "job-1", "00443", "!#$%&'*+-.^_`|~", "%0d%0a", "__proto__", "x".repeat(128)],
  role: ["client", "server", "client\t"],
  prefer: [
    ..."wait=5¦wait=0¦wait=999999999¦WAIT=7¦Wait = 7¦wait\t=\t7¦wait=5; x¦wait=5 ;x=1¦respond-async, wait=3¦wait;=5".split(
      "¦",
    ),
    ..."wait=3, wait=x¦waits=3¦=5¦,¦¦;wait=5¦x;wait=5¦\xa0wait=5¦respond-async".split("¦"),
  ],
};
const ODD = {
  transport: 'RAW¦raw, raw¦raw,tls¦¦udp¦raw;q=1¦"raw"¦raw\xa0¦\xa0raw¦r\x01w'.split("¦"),
  channel: ["a b", "", "a,b", "a\x7f", "\xe9", "job\xa0", "x".repeat(129)],
  role: "Client¦either¦¦client, server¦client;q=1".split("¦"),
  prefer:
    'wait¦wait=¦wait=-1¦wait=+1¦wait=1.5¦wait="5"¦wait=1234567890¦wait=x, wait=3¦wait=5=6¦wait=5\xa0¦wait=\x855¦wait=0x5'.split(
      "¦",
    ),
  as: ["", "*", "f1, f3", "f1\xa0", "F1", "f\xfc", "f2%20", "x".repeat(513), "__proto__", "\x1b[31mf1"],
};
const OTHERS = [
  ..."Host: f2:443¦Host:¦Host: a b¦Host: f1\xff¦host: spiffe://x¦User-Agent: curl/8¦Proxy-Connection: keep-alive".split(
    "¦",
  ),
  ..."Connection: close¦Connection: upgrade¦Upgrade: h2c¦Upgrade: websocket¦Expect: 100-continue¦Expect: 200-maybe".split(
    "¦",
  ),
  ..."Padding: \xfc\xff¦Padding: \x01¦Padding: a\x7fb¦Padding:\tx\t¦Padding:¦__proto__: x¦constructor: raw".split("¦"),
];
const CONTENT = [
  ..."Content-Length: 0¦Content-Length: 5¦Content-Length: x¦Content-Length: 5, 5¦Content-Length:¦content-length: -1".split(
    "¦",
  ),
  ..."Transfer-Encoding: chunked¦Transfer-Encoding: identity¦transfer-encoding:¦Transfer-Encoding : chunked".split("¦"),
];
const MALFORMED =
  "no colon¦: no name¦a b: c¦Relay-Transport : raw¦ folded: yes¦\tfolded¦R\xe9lay: x¦Relay-Role\0: client¦a: b\0c¦@: x".split(
    "¦",
  );

/** Up to five of them; now and then very many, or very long. */
export function fieldLines(names: readonly string[]): fc.Arbitrary<string[]> {
  const known = fc.oneof(
    field("Relay-Transport", GOOD.transport, ODD.transport),
    field("Relay-Channel", GOOD.channel, ODD.channel),
    field("Relay-Role", GOOD.role, ODD.role),
    field("Relay-As", names, ODD.as),
    field("Prefer", GOOD.prefer, ODD.prefer),
  );
  const line = fc.oneof(
    { weight: 40, arbitrary: known },
    { weight: 20, arbitrary: fc.constantFrom(...OTHERS) },
    { weight: 1, arbitrary: fc.constantFrom(...CONTENT) },
    { weight: 1, arbitrary: fc.constantFrom(...MALFORMED) },
  );
  const few = fc.array(line, { maxLength: 5 });
  return fc.oneof(
    { weight: 800, arbitrary: few },
    { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 900, max: 4200 }), few).map(many) },
    { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 15_000, max: 18_000 }), few).map(long) },
  );
}

function field(name: string, good: readonly string[], odd: readonly string[]): fc.Arbitrary<string> {
  const value = fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
  const spelling = fc.constantFrom(name, name, name.toLowerCase(), name.toUpperCase());
  return fc.tuple(spelling, fc.constantFrom(": ", ": ", ":", ":\t ", ":  "), value).map((parts) => parts.join(""));
}

function many([count, lines]: [number, string[]]): string[] {
  return [...Array.from({ length: count }, () => "a:"), ...lines];
}

function long([length, lines]: [number, string[]]): string[] {
  return [`Padding: ${"x".repeat(length)}`, ...lines];
}
