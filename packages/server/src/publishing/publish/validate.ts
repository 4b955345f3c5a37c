import { isBuiltin } from "node:module";
import semver from "semver";
import { AssayError, isAssayError, isTag, unscopedName, type PackageName } from "@assay/core";
import { printable } from "./json.ts";
import type { Described } from "./publish-request.ts";

/** What npm takes for new names: nobody can mistake one for another by its case. A leading _ is fine below a scope. */
const newName = /^(?:@[a-z0-9~-][a-z0-9-._~]*\/[a-z0-9~_-]|[a-z0-9~-])[a-z0-9-._~]*$/;
const maxNameLength = 214;
const maxManifestBytes = 1024 * 1024;
const maxTagLength = 128;
const tagText = /^[A-Za-z0-9][A-Za-z0-9._~!*'()+-]*$/;

/** Throws BAD_NAME for a name that no new package may have, though old ones do. Pure. */
export function requireNewName(name: PackageName, upperCase: "refuse" | "allow"): void {
  const refused = (reason: string): AssayError<"BAD_NAME"> => new AssayError("BAD_NAME", { reason });
  if (name.length > maxNameLength) throw refused(`it is longer than ${maxNameLength} characters`);
  if (upperCase === "refuse" && /[A-Z]/.test(name))
    throw refused(
      "a new package has no upper-case letters; an administrator can allow them with publish.upperCaseNames",
    );
  if (!newName.test(name.toLowerCase()))
    throw refused("a new package has letters, digits and - . _ ~ only, and no leading _ outside a scope");
  // As a key of an object it is no key: programs that hold packages by name lose it, or worse.
  if (unscopedName(name) === "__proto__") throw refused("__proto__ is no name");
  if (isBuiltin(name)) throw refused(`${name} is a module of Node itself`);
}

/**
 * Whether a tag may be set. One that reads as a version or range would decide what `name@1` installs. Throws BAD_REQUEST.
 */
export function requireTag(tag: string): void {
  const refused = (reason: string): AssayError<"BAD_REQUEST"> =>
    new AssayError("BAD_REQUEST", { reason: `the tag ${printable(tag)} ${reason}` });
  if (tag.length === 0 || tag.length > maxTagLength) throw refused(`has not 1 to ${maxTagLength} characters`);
  if (semver.validRange(tag, { loose: true }) !== null) throw refused("reads as a version or range");
  if (!isTag(tag) || !tagText.test(tag))
    throw refused("has other characters than letters, digits and . _ - ~ ! * ' ( ) +");
  if (tag in {}) throw refused("is reserved");
}

/** Whether upper-case letters are for a new package too; `there`: it is none, and is named as it is. */
export type Naming = "refuse" | "allow" | "there";

/** Something that publishing refuses, under a rule that has a name. */
export interface Complaint {
  readonly rule: string;
  readonly error: AssayError;
}

/**
 * Third step: what is asked for is allowed to anybody who may publish. Pure. Throws BAD_NAME, BAD_VERSION, BAD_REQUEST.
 */
export function validate(request: Described, naming: Naming): void {
  const [first] = complaintsAbout(request, naming);
  if (first !== undefined) throw first.error;
}

/** Everything that `validate` refuses, the first one first. Pure. */
export function complaintsAbout(
  { name, version, tags, manifest }: Asked,
  naming: Naming = "refuse",
): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const hold = (rule: string, check: () => void): void => {
    try {
      check();
    } catch (error) {
      if (!isAssayError(error)) throw error;
      complaints.push({ rule, error });
    }
  };
  if (naming !== "there") hold("publish/name", () => requireNewName(name, naming));
  hold("publish/version", () => requirePlainVersion(version));
  for (const tag of tags) hold("publish/tag", () => requireTag(tag));
  hold("publish/private", () => {
    if (manifest["private"] === true)
      throw new AssayError("BAD_REQUEST", { reason: 'its package.json says "private": true' });
  });
  hold("publish/manifest-size", () => {
    const { readme: _readme, ...rest } = manifest;
    if (Buffer.byteLength(JSON.stringify(rest)) > maxManifestBytes)
      throw new AssayError("BAD_REQUEST", { reason: `its manifest is larger than ${maxManifestBytes} bytes` });
  });
  return complaints;
}

/** What of a request is judged before its archive. */
type Asked = Pick<Described, "name" | "version" | "tags" | "manifest">;

function requirePlainVersion(version: string): void {
  if (semver.valid(version) !== version)
    throw new AssayError("BAD_VERSION", {
      reason: `${printable(version)} is not semver in its plain form (1.2.3 or 1.2.3-beta.1, without build metadata)`,
    });
}
