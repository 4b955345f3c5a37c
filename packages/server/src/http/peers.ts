import type { IncomingMessage } from "node:http";
import ipaddr from "ipaddr.js";

type Range = readonly [ReturnType<typeof ipaddr.parse>, number];

/** True for addresses in one of the blocks (addresses or CIDR); undefined when there is none. */
export function inBlocks(blocks: readonly string[]): ((address: string | undefined) => boolean) | undefined {
  if (blocks.length === 0) return undefined;
  const ranges = blocks.map(parseBlock);
  return (address) => {
    if (address === undefined || !ipaddr.isValid(address)) return false;
    const peer = ipaddr.process(address);
    return ranges.some(([range, bits]) => peer.kind() === range.kind() && peer.match(range, bits));
  };
}

function parseBlock(block: string): Range {
  if (block.includes("/")) return ipaddr.parseCIDR(block);
  const address = ipaddr.parse(block);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}

/**
 * Whose address a request counts for. Behind trusted proxies the last address in X-Forwarded-For that is not a trusted
 * proxy's; what stands before it was written by the client. What cannot be read there: the peer's own address.
 */
export function createClientAddress(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  const isTrusted = inBlocks(trustedProxies);
  return (request) => {
    const peer = plainAddress(request.socket.remoteAddress ?? "");
    const forwarded = request.headers["x-forwarded-for"];
    if (isTrusted === undefined || typeof forwarded !== "string" || !isTrusted(peer)) return peer;
    let client = peer;
    for (const hop of forwarded.split(",").reverse()) {
      const address = hop.trim();
      if (!ipaddr.isValid(address)) break;
      client = plainAddress(address);
      if (!isTrusted(client)) break;
    }
    return client;
  };
}

/** An IPv4 address that came in over IPv6 is the same client. */
function plainAddress(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;
}
