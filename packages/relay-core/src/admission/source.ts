/** Where a connection comes from, as far as limits go: an IPv4 address, or the /64 that an IPv6 host may choose addresses from. */

const PREFIX_GROUPS = 4;

/** "192.0.2.1", also of "::ffff:192.0.2.1"; "2001:db8:0:1::/64" of any address in it. */
export function sourceOf(address: string | undefined): string {
  if (address === undefined) return "unknown"; // it has gone already
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(":")) return address;
  const [head = "", tail] = (address.split("%", 1)[0] ?? "").split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  const groups = [...first, ...zeros, ...last].slice(0, PREFIX_GROUPS);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
