import type { EpochMs, NamePattern } from "@assay/core";
import ipaddr from "ipaddr.js";
import type { Grant } from "../principal.ts";

/** What a token may do, from where and until when. */
export interface TokenBounds {
  readonly level: Grant["level"];
  readonly packages: readonly NamePattern[] | undefined;
  readonly organisations: readonly string[] | undefined;
  readonly cidrs: readonly string[] | undefined;
  readonly expiresAtMs: EpochMs | undefined;
}

/** True when every address of the second block is in the first. */
function blockCovers(outer: string, inner: string): boolean {
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

function parseBlock(block: string): readonly [ReturnType<typeof ipaddr.parse>, number] {
  if (block.includes("/")) return ipaddr.parseCIDR(block);
  const address = ipaddr.parse(block);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}
