import { encodeUtf8, toBase64 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import type { Sha256 } from "./hash.ts";
import { canonicalJson, isPlainObject } from "./jcs.ts";

/** Members that are taken as they are. */
const verbatimFields = [
  "optionalDependencies",
  "peerDependencies",
  "peerDependenciesMeta",
  "engines",
  "_hasShrinkwrap",
] as const;
const platformFields = ["os", "cpu", "libc"] as const;

/** The scripts that an installation runs: all that a fragment holds of `scripts`. */
export const installScripts = ["preinstall", "install", "postinstall"] as const;

/** Every member that a fragment may hold besides `name`, `version` and `scripts`. */
export const fragmentFields: readonly string[] = [
  "dependencies",
  "bundleDependencies",
  "bundledDependencies",
  "bin",
  ...verbatimFields,
  ...platformFields,
];

/**
 * The part of a version's manifest (its object in the full packument) that install and resolution read, normalised,
 * so that what is digested does not depend on how a registry spells it. Spec: docs/formats/manifest-digest.md.
 *
 * Values that no rule knows are kept verbatim, whatever their type. Throws BAD_FORMAT when name or version is not a
 * non-empty string and when a kept value cannot be written canonically (lone surrogate, `__proto__`, not JSON).
 * Duplicate members cannot be seen here: read the packument with `parseJson` and refuse versions that have some.
 */
export function manifestFragment(manifest: object): Record<string, unknown> {
  const fragment = normalise(manifest);
  canonicalJson(fragment);
  return fragment;
}

/** The fragment in canonical JSON (RFC 8785): what is digested and stored. Throws as `manifestFragment`. */
export function manifestFragmentText(manifest: object): string {
  return canonicalJson(normalise(manifest));
}

/** `sha256-<base64>` of a fragment's canonical text. */
export function manifestDigest(sha256: Sha256, fragmentText: string): string {
  return `sha256-${toBase64(sha256(encodeUtf8(fragmentText)))}`;
}

function normalise(manifest: object): Record<string, unknown> {
  const given = (field: string): unknown => {
    const value: unknown = Object.hasOwn(manifest, field) ? Reflect.get(manifest, field) : undefined;
    return isNothing(value) ? undefined : value;
  };
  const name = identity("name", given("name"));
  const version = identity("version", given("version"));
  const dependencies = requiredDependencies(given("dependencies"), given("optionalDependencies"));

  const fields: [string, unknown][] = [
    ["name", name],
    ["version", version],
    ["dependencies", dependencies],
    ["bin", binaries(name, given("bin"))],
    ["scripts", scriptsThatInstall(given("scripts"))],
    ...verbatimFields.map((field): [string, unknown] => [field, given(field)]),
    ...platformFields.map((field): [string, unknown] => [field, platforms(given(field))]),
    ...bundled(given("bundleDependencies"), given("bundledDependencies"), dependencies),
  ];
  return Object.fromEntries(fields.filter(([, value]) => !isNothing(value)));
}

/** Absent, null, false, `{}` and `[]` all say the same: nothing. An empty string does not. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isPlainObject(value) && Object.keys(value).length === 0;
}

function identity(field: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new AssayError("BAD_FORMAT", {
    what: "A manifest",
    reason: `its ${field} is not a string with characters`,
  });
}

/** An optional dependency that is listed twice is optional: registries copy it into `dependencies`, or do not. */
function requiredDependencies(dependencies: unknown, optional: unknown): unknown {
  if (!isPlainObject(dependencies) || !isPlainObject(optional)) return dependencies;
  return Object.fromEntries(Object.entries(dependencies).filter(([name]) => !Object.hasOwn(optional, name)));
}

function binaries(name: string, bin: unknown): unknown {
  if (typeof bin !== "string" || bin === "") return bin;
  const command = name.startsWith("@") ? name.slice(name.indexOf("/") + 1) : name;
  return { [command]: bin };
}

/** The order of a platform list means nothing, and one platform may stand without a list. */
function platforms(value: unknown): unknown {
  if (typeof value === "string" && value !== "") return [value];
  const isList = Array.isArray(value) && value.every((element) => typeof element === "string");
  return isList ? value.toSorted() : value;
}

function scriptsThatInstall(scripts: unknown): unknown {
  if (!isPlainObject(scripts)) return scripts;
  return Object.fromEntries(
    installScripts
      .filter((script) => Object.hasOwn(scripts, script) && !isNothing(scripts[script]))
      .map((script) => [script, scripts[script]]),
  );
}

/**
 * Both spellings become `bundleDependencies`. Clients disagree about which one wins when both are given and differ,
 * so then both are kept: neither can change unnoticed.
 */
function bundled(bundle: unknown, bundledSpelling: unknown, dependencies: unknown): [string, unknown][] {
  const names = (value: unknown): unknown => {
    if (value !== true) return value;
    if (isNothing(dependencies)) return undefined;
    return isPlainObject(dependencies) ? Object.keys(dependencies).toSorted() : value;
  };
  const first = names(bundle);
  const second = names(bundledSpelling);
  if (isNothing(first)) return [["bundleDependencies", second]];
  const same = isNothing(second) || canonicalJson(first) === canonicalJson(second);
  return [
    ["bundleDependencies", first],
    ["bundledDependencies", same ? undefined : second],
  ];
}
