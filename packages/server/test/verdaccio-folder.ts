/** Storage folders as Verdaccio writes them, made without it: for what a real one would take too long to publish, or never would. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { packageTgz } from "@assay/testkit/tarball";

export interface StoredVersion {
  readonly version: string;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Instead of what the manifest and files make. */
  readonly tarball?: Uint8Array;
  readonly dist?: Readonly<Record<string, unknown>>;
  /** Default: a minute after the version before it, from `firstMs` on. */
  readonly time?: string;
  /** Known from an uplink, and never asked for: there is no tarball. */
  readonly isElsewhere?: boolean;
}

export interface StoredPackage {
  readonly name: string;
  readonly versions: readonly StoredVersion[];
  /** Default: `latest` at the last version. */
  readonly tags?: Readonly<Record<string, string>>;
}

export const firstMs = Date.UTC(2020, 0, 1);

/** Writes packages into a storage folder, and lists them as published there. */
export function writeVerdaccioFolder(folder: string, packages: readonly StoredPackage[]): void {
  for (const { name, versions, tags } of packages) {
    const home = path.join(folder, name);
    mkdirSync(home, { recursive: true });
    const file = (version: string): string => `${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
    const listed: Record<string, unknown> = {};
    const time: Record<string, string> = {};
    const elsewhere: Record<string, unknown> = {};
    versions.forEach((each, at) => {
      const { version, files, isElsewhere = false } = each;
      const manifest = { name, version, ...each.manifest };
      const tarball = each.tarball ?? packageTgz(manifest, files);
      const shasum = createHash("sha1").update(tarball).digest("hex");
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      const url = `http://old.example.com/${name}/-/${file(version)}`;
      listed[version] = { ...manifest, dist: each.dist ?? { integrity, shasum, tarball: url } };
      time[version] = each.time ?? new Date(firstMs + at * 60_000).toISOString();
      if (isElsewhere) elsewhere[file(version)] = { url, sha: shasum, registry: "up" };
      else writeFileSync(path.join(home, file(version)), tarball);
    });
    const document = {
      name,
      versions: listed,
      time,
      "dist-tags": tags ?? { latest: versions.at(-1)?.version },
      _distfiles: elsewhere,
      _attachments: {},
      _uplinks: {},
      _rev: "1-0000000000000000",
      readme: `# ${name}\n`,
    };
    writeFileSync(path.join(home, "package.json"), JSON.stringify(document));
  }
  const list = packages.map(({ name }) => name);
  writeFileSync(path.join(folder, ".verdaccio-db.json"), JSON.stringify({ list, secret: "0" }));
}
