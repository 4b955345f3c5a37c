import { AssayError, patternCovers, type EpochMs, type NamePattern } from "@assay/core";
import ipaddr from "ipaddr.js";
import type { Grant } from "../principal.ts";
import { levelCovers, reachedOrganisations } from "../token-reach.ts";

/** What a token may do, from where and until when. */
export interface TokenBounds {
  readonly level: Grant["level"];
  readonly packages: readonly NamePattern[] | undefined;
  readonly organisations: readonly string[] | undefined;
  readonly cidrs: readonly string[] | undefined;
  readonly expiresAtMs: EpochMs | undefined;
}

/** Throws FORBIDDEN when `wanted` reaches beyond `maker` in anything. */
export function requireWithin(maker: TokenBounds, wanted: TokenBounds): void {
  const beyond = findBeyond(maker, wanted);
  if (beyond !== undefined)
    throw new AssayError("FORBIDDEN", { reason: `a token makes no token that may do more than itself (${beyond})` });
}

function findBeyond(maker: TokenBounds, wanted: TokenBounds): string | undefined {
  if (!levelCovers(maker.level, wanted.level)) return `this one is ${maker.level}`;
  if (!areWithin(maker.packages, wanted.packages, (outer, inner) => patternCovers(outer, inner))) return "packages";
  const [all, some] = [reachedOrganisations(maker), reachedOrganisations(wanted)];
  if (!areWithin(all, some, (outer, inner) => outer === inner)) return "organisations";
  if (!areWithin(maker.cidrs, wanted.cidrs, blockCovers)) return "addresses";
  if (maker.expiresAtMs !== undefined && (wanted.expiresAtMs ?? Infinity) > maker.expiresAtMs) return "time";
  return undefined;
}

/** Undefined is any: only any covers it. */
function areWithin<T>(
  outer: readonly T[] | undefined,
  inner: readonly T[] | undefined,
  covers: (outer: T, inner: T) => boolean,
): boolean {
  if (outer === undefined) return true;
  return inner !== undefined && inner.every((one) => outer.some((each) => covers(each, one)));
}

/** True when every address of the second block is in the first. */
export function blockCovers(outer: string, inner: string): boolean {
  const [outerAddress, outerBits] = parseBlock(outer);
  const [innerAddress, innerBits] = parseBlock(inner);
  return (
    outerAddress.kind() === innerAddress.kind() && outerBits <= innerBits && innerAddress.match(outerAddress, outerBits)
  );
}

/** True when the address is in one of the blocks; what is no address is in none. */
export function isInBlocks(blocks: readonly string[], address: string): boolean {
  return ipaddr.isValid(address) && blocks.some((block) => blockCovers(block, ipaddr.process(address).toString()));
}

/** True for an address or a CIDR block, written in full. */
export function isBlock(text: string): boolean {
  return text.includes("/") ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text) && /[.:]/.test(text);
}

function parseBlock(block: string): readonly [ReturnType<typeof ipaddr.parse>, number] {
  if (block.includes("/")) return ipaddr.parseCIDR(block);
  const address = ipaddr.parse(block);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}
