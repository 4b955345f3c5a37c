import { isJsonObject, type JsonObject } from "./cut.ts";

/** What resolution and install read, besides `dist` and the fields that need care. */
const fields = [
  "name",
  "version",
  "deprecated",
  "dependencies",
  "optionalDependencies",
  "devDependencies",
  "peerDependencies",
  "peerDependenciesMeta",
  "bundleDependencies",
  "acceptDependencies",
  "bin",
  "directories",
  "engines",
  "os",
  "cpu",
  "libc",
  "funding",
  "_hasShrinkwrap",
];
const distFields = ["integrity", "shasum", "fileCount", "unpackedSize", "signatures", "attestations", "tarball"];
const installScripts = ["preinstall", "install", "postinstall"];

/**
 * The abbreviated manifest (`application/vnd.npm.install-v1+json`) of a full one; of an abbreviated one, itself.
 * `hasInstallScript` is true when the upstream says so or when the scripts say so, else absent. A copy: objects
 * that it shares with the full manifest are `dist`'s members only, and `dist.attestations` is copied too.
 */
export function abbreviateVersion(manifest: JsonObject): JsonObject {
  const result = pick(manifest, fields);
  if (result["bundleDependencies"] === undefined && manifest["bundledDependencies"] !== undefined) {
    result["bundleDependencies"] = manifest["bundledDependencies"];
  }
  if (hasInstallScript(manifest)) result["hasInstallScript"] = true;
  if (isJsonObject(manifest["dist"])) {
    const dist = pick(manifest["dist"], distFields);
    if (isJsonObject(dist["attestations"])) dist["attestations"] = { ...dist["attestations"] };
    result["dist"] = dist;
  }
  return result;
}

/** npm writes `node-gyp rebuild` into `scripts.install` at publish; `gypfile` tells of those that did not. */
function hasInstallScript(manifest: JsonObject): boolean {
  const scripts = manifest["scripts"];
  const runs =
    isJsonObject(scripts) &&
    installScripts.some((script) => typeof scripts[script] === "string" && scripts[script] !== "");
  return manifest["hasInstallScript"] === true || manifest["gypfile"] === true || runs;
}

function pick(from: JsonObject, wanted: readonly string[]): JsonObject {
  const result: JsonObject = {};
  for (const field of wanted) {
    if (from[field] !== undefined) result[field] = from[field];
  }
  return result;
}
