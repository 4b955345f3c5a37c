import { buffer } from "node:stream/consumers";
import { isAssayError, parseIntegrity, type PackageName, type Version } from "@assay/core";
import { NetworkError } from "../platform/network/network.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";

/** What a source says of a version beside the bytes: as far as it can be held against a key, without us. */
export interface Statement {
  /** As it lists it: what its signatures are about, with name and version. */
  readonly integrity: string;
  /** As listed, not verified; a registry's keys decide (docs/formats/registry-signature.md). */
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** A version's manifest is small; larger answers say nothing. */
const maxBytes = 1024 * 1024;
const mostSignatures = 16;
const longestText = 1024;

/**
 * Asks a source what it lists of a version. Undefined when it does not answer, or nothing that can be read: evidence is
 * kept without it.
 */
export async function statementOf(
  upstreams: Pick<Upstreams, "relay">,
  source: string,
  { name, version }: { readonly name: PackageName; readonly version: Version },
): Promise<Statement | undefined> {
  const path = `/${name.replace("/", "%2f")}/${encodeURIComponent(version)}`;
  try {
    const headers = { accept: "application/json" };
    const answer = await upstreams.relay(source, { method: "GET", path, headers, maxBytes });
    const bytes = await buffer(answer.body);
    return answer.status === 200 ? readStatement(bytes) : undefined;
  } catch (error) {
    // A source that fails now has served its bytes before; those are the evidence.
    if (error instanceof NetworkError) return undefined;
    throw error;
  }
}

/** Strict: a member of another type, or too long, and nothing is taken. Pure. */
export function readStatement(bytes: Uint8Array): Statement | undefined {
  let dist: unknown;
  try {
    dist = (JSON.parse(Buffer.from(bytes).toString()) as { readonly dist?: unknown } | null)?.dist;
  } catch {
    return undefined;
  }
  if (typeof dist !== "object" || dist === null) return undefined;
  const { integrity, signatures = [] } = dist as { readonly integrity?: unknown; readonly signatures?: unknown };
  if (!isText(integrity) || !isIntegrity(integrity)) return undefined;
  if (!Array.isArray(signatures) || signatures.length > mostSignatures) return undefined;
  const read = signatures.map((one: unknown) => {
    const { keyid, sig } = Object(one) as { readonly keyid?: unknown; readonly sig?: unknown };
    return isText(keyid) && isText(sig) ? { keyid, sig } : undefined;
  });
  return read.every((one) => one !== undefined) ? { integrity, signatures: read } : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= longestText;
}

function isIntegrity(text: string): boolean {
  try {
    parseIntegrity(text);
    return true;
  } catch (error) {
    if (isAssayError(error)) return false;
    throw error;
  }
}
