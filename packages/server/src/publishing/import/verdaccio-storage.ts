import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  AssayError,
  decodeUtf8,
  isAssayError,
  mostSpecificPattern,
  parsePackageName,
  tarballFileName,
  type NamePattern,
  type PackageName,
} from "@assay/core";
import { isJsonObject } from "../publish/json.ts";
import { parseDocument } from "../publish/parse-document.ts";
import { readPackage } from "./read-package.ts";
import type { ImportSource, SourceVersion } from "./source.ts";

/** Where Verdaccio, and what it came from, keep the names that were published there. */
const listFiles = [".verdaccio-db.json", ".sinopia-db.json"];

/**
 * A storage folder of Verdaccio: a folder a package (`@scope/name/`), in it `package.json`, the packument, and the
 * tarballs. Reads only; Verdaccio may run. Throws USAGE for what is no folder.
 */
export async function openVerdaccioStorage(folder: string, maxBytes: number): Promise<ImportSource> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new AssayError("USAGE", {
      reason: `${folder} is no folder; give the one that storage in Verdaccio's config.yaml names.`,
    });

  return {
    label: "verdaccio",

    async names(patterns) {
      const listed = await listedNames(folder, maxBytes);
      if (listed === undefined && patterns.length === 0)
        throw new AssayError("USAGE", {
          reason: `${folder} has no ${listFiles[0]}, so nothing says which packages were published there; name them with --names.`,
        });
      const names = listed ?? (await foldersIn(folder));
      if (patterns.length === 0) return names;
      const exact = await Promise.all(
        patterns.map(async (pattern) =>
          (await hasPackage(folder, pattern)) ? [pattern as string as PackageName] : [],
        ),
      );
      return [...new Set([...names.filter((name) => isCovered(patterns, name)), ...exact.flat()])];
    },

    async read(name) {
      const document = await readDocument(join(folder, name, "package.json"), `package.json of ${name}`, maxBytes);
      if (document === undefined) throw new AssayError("NOT_FOUND", { what: `${name} in ${folder}` });
      const package_ = readPackage(name, document);
      // Of an uplink: Verdaccio knows where its bytes are, and never had them.
      const elsewhere = document["_distfiles"];
      const isElsewhere = async (version: SourceVersion): Promise<boolean> =>
        isJsonObject(elsewhere) &&
        fileNames(name, version).some((file) => Object.hasOwn(elsewhere, file)) &&
        (await fileOf(folder, name, version)) === undefined;
      const kept = await Promise.all(
        package_.versions.map(async (version) => ((await isElsewhere(version)) ? [] : [version])),
      );
      return { ...package_, versions: kept.flat() };
    },

    async tarball(name, version) {
      const file = await fileOf(folder, name, version);
      if (file === undefined)
        throw new AssayError("NOT_FOUND", {
          what: `${tarballFileName(name, version.version)} in ${join(folder, name)}`,
        });
      return createReadStream(file) as AsyncIterable<Uint8Array>;
    },

    // Verdaccio keeps none.
    attestations: async () => [],
  };
}

export function isCovered(patterns: readonly NamePattern[], name: PackageName): boolean {
  return mostSpecificPattern(patterns, name) !== undefined;
}

async function listedNames(folder: string, maxBytes: number): Promise<readonly PackageName[] | undefined> {
  for (const file of listFiles) {
    const document = await readDocument(join(folder, file), file, maxBytes);
    const list = document?.["list"];
    if (Array.isArray(list)) return list.flatMap((name: unknown) => (typeof name === "string" ? nameOf(name) : []));
  }
  return undefined;
}

async function foldersIn(folder: string): Promise<readonly PackageName[]> {
  const names: PackageName[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const inner = entry.name.startsWith("@")
      ? (await readdir(join(folder, entry.name))).map((name) => `${entry.name}/${name}`)
      : [entry.name];
    names.push(...inner.flatMap(nameOf));
  }
  const found = await Promise.all(names.map(async (name) => ((await hasPackage(folder, name)) ? [name] : [])));
  return found.flat().sort();
}

function nameOf(text: string): readonly PackageName[] {
  try {
    return [parsePackageName(text)];
  } catch (error) {
    // No package: a folder that somebody put there.
    if (isAssayError(error, "BAD_NAME")) return [];
    throw error;
  }
}

async function hasPackage(folder: string, name: string): Promise<boolean> {
  return !name.includes("*") && (await stat(join(folder, name, "package.json")).catch(() => undefined)) !== undefined;
}

/** Undefined where there is no such file. Throws BAD_REQUEST. */
async function readDocument(path: string, what: string, maxBytes: number) {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.size > maxBytes)
    throw new AssayError("BAD_REQUEST", { reason: `${what} is larger than limits.packumentBytes, ${maxBytes} bytes` });
  return parseDocument(decodeUtf8(await readFile(path)), what);
}

/** As npm calls it, and as the packument does where that is another name. */
function fileNames(name: PackageName, { version, tarball }: SourceVersion): readonly string[] {
  const last = tarball === undefined ? "" : basename(URL.canParse(tarball) ? new URL(tarball).pathname : tarball);
  const usual = tarballFileName(name, version);
  return /^[A-Za-z0-9][^/\\]*\.tgz$/.test(last) && last !== usual ? [usual, last] : [usual];
}

async function fileOf(folder: string, name: PackageName, version: SourceVersion): Promise<string | undefined> {
  for (const file of fileNames(name, version)) {
    const path = join(folder, name, file);
    if ((await stat(path).catch(() => undefined))?.isFile() === true) return path;
  }
  return undefined;
}
