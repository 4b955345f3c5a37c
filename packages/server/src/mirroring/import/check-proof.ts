import { hash } from "node:crypto";
import {
  AssayError,
  manifestDigest,
  type BindRecord,
  type PackageName,
  type Sha256,
  type SupersedeRecord,
  type Version,
} from "@assay/core";
import { openBundlePart, readBundle, standingOf, type ProvenStatement, type TrustPolicy } from "@assay/verify";
import type { ExportedLog, ExportedPackage, ExportedRelease } from "../export-format.ts";

const sha256: Sha256 = (bytes) => new Uint8Array(hash("sha256", bytes, "buffer"));

/** What a trusted log is proven to say of a release. */
export interface ProvenRelease {
  readonly record: BindRecord | SupersedeRecord;
  readonly origin: string;
  readonly index: number;
}

export interface ProofCheck {
  readonly policy: TrustPolicy;
  readonly nowSeconds: number;
  /** Of the whole export: every bundle speaks of these trees. */
  readonly logs: readonly ExportedLog[];
}

/** The naming authority of packages that an upstream owned. */
const namespace = "npm";

/**
 * Proves every release of a package under the pinned keys, offline. Throws BAD_FORMAT, saying which release is not
 * proven and why, and MisbehaviourError when a log contradicts itself.
 */
export async function checkProof(
  { policy, nowSeconds, logs }: ProofCheck,
  bytes: Uint8Array,
  { name, releases }: ExportedPackage,
): Promise<ReadonlyMap<Version, ProvenRelease>> {
  const { bundles } = readBundle(bytes);
  const statements: ProvenStatement[] = [];
  for (const part of bundles) {
    if (logs.find(({ origin }) => origin === part.origin)?.checkpoint !== part.checkpoint)
      throw malformed(`its checkpoint of ${part.origin} is not that of the export`);
    const opened = await openBundlePart({ sha256, policy, nowSeconds, tiles: undefined }, part);
    if ("reason" in opened) throw malformed(opened.reason);
    statements.push(...opened.statements);
  }
  return new Map(
    releases.map((release) => {
      const about = statements.filter(
        ({ record }) => record.ns === namespace && record.name === name && record.version === release.version,
      );
      return [release.version, provenRelease(policy, name, release, about)];
    }),
  );
}

function provenRelease(
  policy: TrustPolicy,
  name: PackageName,
  release: ExportedRelease,
  statements: readonly ProvenStatement[],
): ProvenRelease {
  const { version } = release;
  const [standing, ...others] = standingOf(statements).current;
  if (standing === undefined) throw malformed(`it proves nothing about ${version}`);
  // Logs that were pinned side by side must agree: one that says otherwise is a reason to stop, not to choose.
  if (others.some(({ record }) => record.integrity !== standing.record.integrity))
    throw malformed(`the trusted logs say different things about ${version}`);
  const { record, log, index } = standing;
  const allowed = policy.supersedes.some(
    (each) => each.name === name && each.version === version && each.integrity === record.integrity,
  );
  if (record.kind === "supersede" && !allowed)
    throw malformed(`${version} was replaced in ${log.origin}; the trust file must allow its bytes (supersedes)`);
  const digest = manifestDigest(sha256, release.fragment);
  const differences = [
    [record.integrity === release.integrity, `integrity ${record.integrity}`],
    [record.size === release.sizeBytes, `${record.size} bytes`],
    [record.manifest === digest, `manifest ${record.manifest}`],
  ] as const;
  const wrong = differences.find(([isEqual]) => !isEqual);
  if (wrong !== undefined)
    throw malformed(`${log.origin} says ${wrong[1]} of ${version}, and the export says otherwise`);
  return { record, origin: log.origin, index };
}

/** Where the proof of a package is kept: `sha256-<base64>` names it in records, the hex its blob. */
export function proofDigest(bytes: Uint8Array): { readonly hex: string; readonly digest: string } {
  const digest = sha256(bytes);
  return { hex: Buffer.from(digest).toString("hex"), digest: `sha256-${Buffer.from(digest).toString("base64")}` };
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "Its proof", reason });
}
