import { AssayError, isAssayError, type EpochMs, type PackageName } from "@assay/core";
import { collect, type Download } from "../../admission/admission.ts";
import { doerOf, type Doer } from "../../identity/identity.ts";
import { NetworkError } from "../../platform/network/network.ts";
import { commit } from "../publish/commit.ts";
import type { ContentRulesOf } from "../publish/content-rules.ts";
import { inspectAll } from "../publish/inspect.ts";
import { missingProvenance } from "../publish/provenance.ts";
import { complaintsAbout } from "../publish/validate.ts";
import { readVersion, type HostedVersion } from "../store.ts";
import type { ArchiveLimits } from "../../admission/inspect-archive.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { NotTaken } from "./report.ts";
import type { ImportSource, SourceVersion } from "./source.ts";
import { takeProvenance } from "./take-provenance.ts";

export type Taken =
  | { readonly kind: "there" }
  | {
      readonly kind: "brought";
      readonly sizeBytes: number;
      readonly accepted: readonly NotTaken[];
      /** There was only a sha1 to hold it against. */
      readonly isWeak: boolean;
    }
  | { readonly kind: "refused"; readonly because: readonly NotTaken[] };

export interface TakeOptions {
  readonly limits: ArchiveLimits & { readonly tarballBytes: number };
  readonly rulesOf: ContentRulesOf;
  readonly accept: ReadonlySet<string>;
}

/** What whoever moves should know of a rule. */
const hints: Readonly<Record<string, string>> = {
  "publish/name":
    "; that is for new packages: one that has such a name from before keeps it, and clients go on asking for it in this very spelling",
};

/** Errors that say something about the one version, and nothing about all others. */
const ofTheVersion = [
  "BLOCKED",
  "BAD_NAME",
  "BAD_VERSION",
  "BAD_REQUEST",
  "BAD_FORMAT",
  "CONFLICT",
  "FORBIDDEN",
  "NOT_FOUND",
  "UPSTREAM_BAD_ANSWER",
] as const;

/**
 * Brings one version here by the steps of a publish, held against what its registry says of it. One that is here stays
 * as it is, whatever is there. A crash leaves what a publish leaves there.
 */
export async function takeVersion(
  deps: PublishingDeps,
  source: ImportSource,
  {
    name,
    version,
    tags,
  }: { readonly name: PackageName; readonly version: SourceVersion; readonly tags: readonly string[] },
  options: TakeOptions,
): Promise<Taken> {
  if ((await readVersion(deps.database.read, name, version.version)) !== undefined) return { kind: "there" };
  const refused = (rule: string, reason: string, isAcceptable = false): NotTaken => ({
    name,
    version: version.version,
    rule,
    reason,
    isAcceptable,
  });
  const room = async (sizeBytes: number): Promise<NotTaken | undefined> => {
    try {
      await deps.quotas.requireRoom(deps.database, name, { versions: 1, sizeBytes });
      return undefined;
    } catch (error) {
      if (!isAssayError(error, "FORBIDDEN")) throw error;
      return refused("import/quota", reasonOf(error));
    }
  };
  try {
    const full = await room(0);
    if (full !== undefined) return { kind: "refused", because: [full] };
    await using tarball = await collect(
      { spool: deps.spool, maxBytes: options.limits.tarballBytes },
      await source.tarball(name, version),
    );
    const held = holdAgainst(version, tarball);
    if (held.kind === "wrong") return { kind: "refused", because: [refused("import/wrong-bytes", held.reason)] };
    const over = await room(tarball.sizeBytes);
    if (over !== undefined) return { kind: "refused", because: [over] };
    const described = {
      name,
      version: version.version,
      tags,
      access: undefined,
      manifest: version.manifest,
      readme: version.readme,
      tarball,
      provenance: undefined,
    };
    const { provenance, sent, complaints: unattested } = await takeProvenance(source, version, described);
    const request = { ...described, provenance: sent };
    const rules = options.rulesOf(name);
    const { archive, complaints } = await inspectAll(deps, request, options.limits, rules.allowsSecret);
    const unproven = { rule: "import/no-integrity", error: noIntegrity() };
    const all = [
      ...(held.kind === "unproven" ? [unproven] : []),
      ...complaintsAbout({ ...request, tags: [] }, deps.names.find(name) === undefined ? "refuse" : "there"),
      ...complaints,
      ...unattested,
      ...missingProvenance(request, rules.provenance),
    ];
    const rows = all.map(({ rule, error }) => refused(rule, `${reasonOf(error)}${hints[rule] ?? ""}`, true));
    const because = rows.filter(({ rule }) => !options.accept.has(rule));
    if (because.length > 0) return { kind: "refused", because };
    const doer = importer(source.label);
    await commit(
      deps,
      {
        act: "import",
        by: doer.id,
        doer,
        owner: undefined,
        publisher: version.publisher === undefined ? undefined : { name: version.publisher, email: "" },
        maintainers: version.maintainers,
        publishedAtMs: pastOf(version, deps.clock.now()),
        deprecated: version.deprecated,
      },
      { request, archive, provenance },
    );
    return { kind: "brought", sizeBytes: tarball.sizeBytes, accepted: rows, isWeak: held.kind === "sha1" };
  } catch (error) {
    if (error instanceof NetworkError)
      return {
        kind: "refused",
        because: [refused("import/unreachable", `its tarball cannot be had: ${error.message}`)],
      };
    if (!isAssayError(error) || !ofTheVersion.some((code) => code === error.code)) throw error;
    return { kind: "refused", because: [refused(ruleOf(error), reasonOf(error))] };
  }
}

/** Whether what is here is what is there, as far as that says what it is. */
export function isSame(row: Pick<HostedVersion, "integrity" | "manifest">, version: SourceVersion): boolean {
  if (version.integrity !== undefined) return row.integrity === version.integrity;
  const { dist } = JSON.parse(row.manifest) as { readonly dist: { readonly shasum: string } };
  return version.sha1 === undefined || dist.shasum === version.sha1;
}

type Held = { readonly kind: "sha512" | "sha1" | "unproven" } | { readonly kind: "wrong"; readonly reason: string };

function holdAgainst({ integrity, sha1 }: SourceVersion, tarball: Pick<Download, "integrity" | "sha1">): Held {
  const wrong = (listed: string, got: string): Held => ({
    kind: "wrong",
    reason: `its tarball there is not the one that is listed: ${listed} is listed, ${got} came`,
  });
  if (integrity !== undefined)
    return tarball.integrity === integrity ? { kind: "sha512" } : wrong(integrity, tarball.integrity);
  if (sha1 !== undefined) return tarball.sha1 === sha1 ? { kind: "sha1" } : wrong(`sha1 ${sha1}`, tarball.sha1);
  return { kind: "unproven" };
}

function noIntegrity(): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", {
    reason: "nothing there says what its bytes are, neither a sha512 nor a sha1",
  });
}

/** Clocks of other machines run ahead. */
function pastOf({ publishedAtMs }: SourceVersion, nowMs: EpochMs): EpochMs | undefined {
  return publishedAtMs !== undefined && publishedAtMs <= nowMs ? publishedAtMs : undefined;
}

function ruleOf(error: AssayError): string {
  return isAssayError(error, "BLOCKED")
    ? error.details.rule
    : `import/${error.code.toLowerCase().replaceAll("_", "-")}`;
}

function reasonOf(error: AssayError): string {
  const { reason } = error.details as { readonly reason?: string };
  return reason ?? error.message;
}

/** Who sits at the machine brings it here; what events keep is from where. */
export function importer(label: string): Doer {
  return doerOf({ id: `import:${label}`, address: "" });
}
