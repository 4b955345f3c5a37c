import { createHash } from "node:crypto";
import {
  AssayError,
  integrityFromSha512,
  isAssayError,
  manifestDigest,
  manifestFragmentText,
  parseJson,
  type PackageName,
  type Version,
} from "@assay/core";
import type { Bind, Checksums } from "../checksums/checksums.ts";
import type { BlobKey, BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { readListed, withParts, type Upstreams } from "../upstreams/upstreams.ts";
import { fragmentKey, putFragment, tarballKey } from "./claim.ts";
import { sha256 } from "./digests.ts";
import type { Download } from "./download.ts";
import { keepEvidence, type EvidenceLimits } from "./evidence.ts";

/** Resolves when so many bytes may be read. */
export type Pace = (bytes: number) => Promise<void>;

/** Something that is stored and is not what is bound. */
export interface Damage {
  readonly what: "tarball" | "manifest";
  /** `missing`: it is not there. `other bytes`: what is there is something else. */
  readonly found: "missing" | "other bytes";
  /** What is there by now. */
  readonly now: "restored" | "lost";
  /** Why it could not be restored; undefined when it was. */
  readonly reason: string | undefined;
}

export interface ExamineDeps {
  readonly blobs: BlobStore;
  readonly database: Database;
  readonly clock: Clock;
  readonly checksums: Pick<Checksums, "bindsOf">;
  readonly upstreams: Pick<Upstreams, "packument" | "reload" | "stored">;
  readonly limits: EvidenceLimits;
  readonly restore: (name: PackageName, version: Version) => Promise<void>;
}

/** Stands as the source of evidence that no upstream served; no upstream can have this alias. */
const diskSource = "(disk)";

/** `Admission.examine`. A crash between removal and restoration leaves a missing blob, which the next look restores. */
export async function examine(
  deps: ExamineDeps,
  name: PackageName,
  version: Version,
  pace: Pace,
): Promise<readonly Damage[]> {
  const bind = (await deps.checksums.bindsOf(name)).get(version);
  if (bind === undefined) return [];
  const wrong: Damage[] = [];
  const tarball = await lookAt(
    deps,
    bind,
    tarballKey(bind),
    pace,
    (hash) => `sha512-${hash.sha512}` === bind.integrity,
  );
  if (tarball !== undefined) {
    const healed = await attempt(() => deps.restore(name, version));
    wrong.push({ what: "tarball", found: tarball, ...healed });
  }
  const manifest = await lookAt(
    deps,
    bind,
    fragmentKey(bind),
    pace,
    (hash) => `sha256-${hash.sha256}` === bind.manifest,
  );
  if (manifest !== undefined) {
    const healed = await attempt(() => restoreFragment(deps, bind));
    wrong.push({ what: "manifest", found: manifest, ...healed });
  }
  return wrong;
}

interface Hashes {
  readonly sha256: string;
  readonly sha512: string;
}

/** What is wrong with a blob, after damaged bytes were moved to the evidence. */
async function lookAt(
  deps: ExamineDeps,
  bind: Bind,
  key: BlobKey,
  pace: Pace,
  isRight: (hashes: Hashes) => boolean,
): Promise<Damage["found"] | undefined> {
  if (await reads(deps, key, pace, isRight)) return undefined;
  if ((await deps.blobs.stat(key)) === undefined) return "missing";
  // Once more: it may have been replaced while it was read, and a disk may stutter.
  if (await reads(deps, key, pace, isRight)) return undefined;
  await keepDamaged(deps, bind, key);
  await deps.blobs.remove(key);
  return "other bytes";
}

async function reads(
  { blobs }: Pick<ExamineDeps, "blobs">,
  key: BlobKey,
  pace: Pace,
  isRight: (hashes: Hashes) => boolean,
): Promise<boolean> {
  const opened = await blobs.open(key);
  if (opened === undefined) return false;
  const [short, long] = [createHash("sha256"), createHash("sha512")];
  for await (const chunk of opened.stream as AsyncIterable<Uint8Array>) {
    await pace(chunk.byteLength);
    short.update(chunk);
    long.update(chunk);
  }
  return isRight({ sha256: short.digest("base64"), sha512: long.digest("base64") });
}

async function keepDamaged(deps: ExamineDeps, { name, version }: Bind, key: BlobKey): Promise<void> {
  const { sizeBytes = 0 } = (await deps.blobs.stat(key)) ?? {};
  // Larger ones are not kept, as evidence of upstreams is not.
  const bytes = sizeBytes > deps.limits.eachBytes ? undefined : await deps.blobs.read(key);
  if (bytes === undefined) return;
  const damaged: Download = {
    sizeBytes: bytes.byteLength,
    integrity: integrityFromSha512(createHash("sha512").update(bytes).digest()),
    sha1: createHash("sha1").update(bytes).digest("hex"),
    blob: bytes,
    async *chunks() {
      yield bytes;
    },
    async [Symbol.asyncDispose]() {},
  };
  await keepEvidence(deps, deps.limits, { name, version, source: diskSource }, damaged);
}

async function attempt(restore: () => Promise<void>): Promise<Pick<Damage, "now" | "reason">> {
  try {
    await restore();
    return { now: "restored", reason: undefined };
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return { now: "lost", reason: error.message };
  }
}

/** The fragment of what is listed, where that is the bound one still. */
async function restoreFragment(deps: ExamineDeps, bind: Bind): Promise<void> {
  const { name, version } = bind;
  const packument = (await deps.upstreams.stored(name)) ?? (await deps.upstreams.packument(name));
  const listed = packument.versions.get(version);
  const text =
    listed?.manifest === bind.manifest
      ? await withParts(deps.upstreams, packument, async (held) => {
          const { value } = parseJson(await readListed(held, held.versions.get(version) ?? listed, "full"));
          return manifestFragmentText(Object(value));
        })
      : undefined;
  if (text === undefined || manifestDigest(sha256, text) !== bind.manifest) throw notListed(name, version);
  await putFragment(deps.blobs, bind, text);
}

function notListed(name: PackageName, version: Version): AssayError<"NOT_FOUND"> {
  return new AssayError("NOT_FOUND", { what: `A listing with the bound manifest of ${name}@${version}` });
}
