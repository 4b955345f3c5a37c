import ipaddr from "ipaddr.js";

/**
 * What an address may be used for. `public`: any allowed host. `inward` (loopback, private, shared,
 * reserved): only the upstream's own configured origin. `never`: link-local, multicast, unspecified,
 * broadcast and the metadata services of clouds, for nobody.
 */
export type AddressKind = "public" | "inward" | "never";

/** Metadata services that live outside link-local ranges. */
const metadataServices: ReadonlySet<string> = new Set(
  ["fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"].map((text) =>
    ipaddr.parse(text).toNormalizedString(),
  ),
);

const neverRanges: ReadonlySet<string> = new Set(["unspecified", "linkLocal", "multicast", "broadcast"]);

/**
 * Classifies an IP address (brackets and zone allowed). IPv4 inside IPv6 (mapped, compatible, NAT64, 6to4)
 * counts as the IPv4 address that it reaches. Anything that is not an address is `never`.
 */
export function addressKind(text: string): AddressKind {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (!ipaddr.isValid(bare)) return "never";
  const address = reached(ipaddr.process(bare));
  const range = address.range();
  if (neverRanges.has(range) || metadataServices.has(withoutZone(address.toNormalizedString()))) return "never";
  return range === "unicast" ? "public" : "inward";
}

/** True for an IPv4 address, or an IPv6 address with or without brackets, as URL hosts have them. */
export function isAddress(host: string): boolean {
  return ipaddr.isValid(host.startsWith("[") ? host.slice(1, -1) : host);
}

function reached(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address.kind() === "ipv4") return address;
  const bytes = address.toByteArray();
  const [first, second] = (address as ipaddr.IPv6).parts;
  const low = bytes.slice(12);
  const isNat64 = first === 0x64 && second === 0xff9b;
  const isCompatible = bytes.slice(0, 12).every((byte) => byte === 0) && low.slice(0, 3).some((byte) => byte !== 0);
  const isTranslated = address.range() === "rfc6145";
  if (isNat64 || isCompatible || isTranslated) return new ipaddr.IPv4(low);
  if (first === 0x2002) return new ipaddr.IPv4(bytes.slice(2, 6));
  return address;
}

function withoutZone(text: string): string {
  return text.split("%")[0] ?? text;
}
