/** What stands behind CONNECT (PROTOCOL.md section 5.1), and what does not belong there. */
import fc from "fast-check";

const ODD_HOSTS = [
  ..."¦.¦-f2¦*.f2¦f2.¦F2¦f 2¦f2\t¦[::1]¦f2@f2¦user:pass@f2¦f2#¦f2?x¦f2/¦//f2".split("¦"),
  ..."%¦%2¦%zz¦%00¦f2%00¦%0d%0aRelay-As: f3¦f2%0D%0A%0D%0A¦%66%32¦%2566%2532¦f%C3%BC¦%FF¦%c0%af".split("¦"),
  ..."f\xfc¦f\xc3\xbc¦f2\xa0¦%EF%BC%86¦xn--f-1ga¦%E2%80%AEf2¦__proto__¦constructor¦toString".split("¦"),
  ..."spiffe://example.org/f2¦spiffe%3a%2f%2fexample.org%2ff2¦spiffe%3A//example.org/f2".split("¦"),
  ...'SPIFFE%3A%2F%2Fexample.org%2Ff2¦f2%20¦%20f2¦f2%3A443¦f2,f4¦f2;f4¦"f2"¦<f2>¦{f2}¦f2|f4¦f2\\¦f2^¦f2`'.split("¦"),
  "a".repeat(600),
];
const ODD_PORTS = "¦0¦00¦00000¦65536¦99999¦000443¦-1¦+1¦0x1bb¦443 ¦4 43¦4e2¦\xb2¦443:443¦443/".split("¦");
const OTHER_FORMS = "/¦*¦/f2:443¦http://f2:443/¦https://f2/¦f2¦443¦:¦::443¦?¦\0¦f2:443 f2:443".split("¦");

export function targets(names: readonly string[]): fc.Arbitrary<string> {
  const encoded = fc
    .tuple(fc.constantFrom(...names), fc.constantFrom("must", "must", "all", "some", "lower"), fc.nat(6))
    .map(([name, how, some]) => encode(name, how, some));
  const host = fc.oneof({ weight: 12, arbitrary: encoded }, { weight: 1, arbitrary: fc.constantFrom(...ODD_HOSTS) });
  const port = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom("443", "443", "9", "1", "65535", "00443", "01") },
    { weight: 2, arbitrary: fc.nat(70_000).map(String) },
    { weight: 1, arbitrary: fc.constantFrom(...ODD_PORTS) },
  );
  return fc.oneof(
    { weight: 30, arbitrary: fc.tuple(host, port).map(([name, channel]) => `${name}:${channel}`) },
    { weight: 1, arbitrary: fc.constantFrom(...OTHER_FORMS) },
  );
}

/** `how`: what has to be encoded, everything, what `some` picks besides, or what has to be in lower-case digits. */
function encode(name: string, how: string, some: number): string {
  return Array.from(name, (character, index) => {
    const must = /[%:@/?#]/.test(character);
    if (!must && how !== "all" && !(how === "some" && index % 7 === some)) return character;
    const digits = character.charCodeAt(0).toString(16).padStart(2, "0");
    return `%${how === "lower" ? digits : digits.toUpperCase()}`;
  }).join("");
}
