/** What one round publishes: twenty versions that reach every branch of the pipeline. */
import { createHash } from "node:crypto";
import type { Random } from "@assay/server/platform/random";
import { packageTgz } from "@assay/testkit/tarball";
import { provenanceBundle } from "../provenance-bundle.ts";
import { publishBody } from "../publisher.ts";

/** One version that a client publishes. */
export interface Attempt {
  readonly name: string;
  readonly version: string;
  readonly tag: string;
  readonly hasProvenance: boolean;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha512: string;
  /** The request's body. */
  readonly body: string;
}

interface Kind {
  /** In round `round`, the `at`th of its kind. */
  readonly name: (round: number, at: number) => string;
  readonly count: number;
  /** Incompressible bytes in its tarball. */
  readonly fillerBytes: number;
  readonly access?: "restricted";
  readonly hasProvenance?: boolean;
}

/** Inspected in a thread above 64 KiB, spooled to a file above 1 MiB. */
const kinds: readonly Kind[] = [
  { name: () => "@acme/shared", count: 5, fillerBytes: 100 },
  { name: (_, at) => `@acme/often-${at}`, count: 3, fillerBytes: 5000 },
  { name: (round, at) => `@acme/new-${round}-${at}`, count: 3, fillerBytes: 100 },
  { name: (round, at) => `@acme/secret-${round}-${at}`, count: 2, fillerBytes: 2000, access: "restricted" },
  { name: (round) => `@acme/proven-${round}`, count: 1, fillerBytes: 100, hasProvenance: true },
  { name: () => "@acme/proven", count: 2, fillerBytes: 100, hasProvenance: true },
  { name: () => "@umbrella/own", count: 1, fillerBytes: 300 },
  { name: () => "@acme/medium", count: 2, fillerBytes: 150_000 },
  { name: () => "@acme/large", count: 1, fillerBytes: 1_400_000 },
];

export const attemptsPerRound: number = kinds.reduce((sum, { count }) => sum + count, 0);

const tags = ["latest", "latest", "next", "beta"];

export function planRound(random: Random, round: number): readonly Attempt[] {
  return kinds.flatMap((kind) =>
    Array.from({ length: kind.count }, (_, at) => {
      const tag = tags[Math.floor(random.fraction() * tags.length)] ?? "latest";
      return attempt(kind, { name: kind.name(round, at), version: `1.${round}.${at}`, tag, random });
    }),
  );
}

function attempt(
  { fillerBytes, access, hasProvenance = false }: Kind,
  { name, version, tag, random }: Pick<Attempt, "name" | "version" | "tag"> & { readonly random: Random },
): Attempt {
  const manifest = { name, version, description: `${name} ${version}`, keywords: ["killed"] };
  const tarball = packageTgz(manifest, { "filler.bin": random.bytes(fillerBytes) });
  const sha512 = createHash("sha512").update(tarball).digest("hex");
  const body = publishBody(manifest, { tarball, tag });
  const attachments: Record<string, unknown> = body._attachments;
  if (hasProvenance)
    attachments[`${name}-${version}.sigstore`] = {
      content_type: "application/vnd.dev.sigstore.bundle.v0.3+json",
      data: provenanceBundle({ name, version, sha512 }),
    };
  return {
    name,
    version,
    tag,
    hasProvenance,
    sizeBytes: tarball.byteLength,
    sha512,
    body: JSON.stringify({ ...body, access: access ?? null }),
  };
}
