import { AssayError, parsePackageName, type PackageName } from "@assay/core";
import type { Upstreams } from "../upstreams/upstreams.ts";
import { relayJson } from "./relay.ts";

/** Versions by package name, as every client's audit sends them. */
export type Audit = ReadonlyMap<PackageName, readonly string[]>;

interface Advisories {
  /** What the owners say, by package name. */
  readonly byName: Readonly<Record<string, unknown>>;
  /** Registries that were asked and have no advisories. */
  readonly without: readonly string[];
}

const path = "/-/npm/v1/security/advisories/bulk";
const maxBytes = 1024 * 1024;

/** Reads `{name: [version, …]}`. Throws BAD_REQUEST, BAD_NAME. */
export function parseAudit(body: unknown): Audit {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new AssayError("BAD_REQUEST", {
      reason: "the body of an audit is an object of names with lists of versions",
    });
  }
  const audit = new Map<PackageName, readonly string[]>();
  for (const [name, versions] of Object.entries(body)) {
    if (
      !Array.isArray(versions) ||
      !versions.every((version) => typeof version === "string" && version.length <= 256)
    ) {
      throw new AssayError("BAD_REQUEST", { reason: "each package of an audit has a list of versions" });
    }
    audit.set(parsePackageName(name), versions as string[]);
  }
  return audit;
}

/**
 * Asks each owner about its own names, and nobody about a name without owner: which packages a shop has is nobody
 * else's business. For a name that lives here its owner elsewhere is asked about nothing, so that the answer does not
 * tell which names those are. What an owner says about names that are not its own is left out. Throws what `relayJson`
 * throws: an answer with a part missing would read as "no vulnerabilities".
 */
export async function readAdvisories(
  upstreams: Pick<Upstreams, "ownerOf" | "ownerElsewhere" | "relay">,
  audit: Audit,
): Promise<Advisories> {
  const byOwner = new Map<string, Map<PackageName, readonly string[]>>();
  for (const [name, versions] of audit) {
    const owner = upstreams.ownerOf(name);
    const asked = owner ?? upstreams.ownerElsewhere(name);
    if (asked === undefined) continue;
    const part = byOwner.get(asked) ?? new Map<PackageName, readonly string[]>();
    byOwner.set(asked, owner === undefined ? part : part.set(name, versions));
  }
  const parts = await Promise.all(
    [...byOwner].map(async ([owner, part]) => {
      const body = Buffer.from(JSON.stringify(Object.fromEntries(part)));
      const headers = { "content-type": "application/json" };
      const answer = await relayJson(upstreams, owner, { method: "POST", path, headers, body, maxBytes });
      const said = Object.entries(Object(answer?.value) as object);
      return {
        owner,
        isMissing: answer === undefined,
        entries: said.filter(([name]) => part.has(name as PackageName)),
      };
    }),
  );
  return {
    byName: Object.fromEntries(parts.flatMap(({ entries }) => entries)),
    without: parts.filter(({ isMissing }) => isMissing).map(({ owner }) => owner),
  };
}
