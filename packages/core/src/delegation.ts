import { AssayError } from "./errors.ts";
import { readFields, textLines, writeFields } from "./field-lines.ts";
import { parseIntegrity } from "./integrity.ts";
import { parsePackageName, parseVersion, type Integrity, type PackageName, type Version } from "./names.ts";
import { parseKeyid, parseNamespace } from "./record-fields.ts";

/**
 * That a name now lives at another registry, said by a release of it: its package.json names the place, and the
 * registry that owned the name until then signed its bytes. Spec: docs/formats/delegation.md.
 */
export interface Delegation {
  readonly ns: string;
  readonly name: PackageName;
  /** The release whose package.json says it. */
  readonly version: Version;
  readonly integrity: Integrity;
  /** keyid of the owner's registry signature over that release. */
  readonly signer: string;
  /** URLs of the registries, without trailing slash. */
  readonly from: string;
  readonly to: string;
}

/** Longest statement, in bytes of UTF-8. */
export const maxDelegationBytes = 8192;

const longestUrl = 2048;
const firstLine = "assay-delegation/v1";
const fields = {
  ns: parseNamespace,
  name: parsePackageName,
  version: parseVersion,
  integrity: parseIntegrity,
  signer: parseKeyid,
  from: parseRegistryUrl,
  to: parseRegistryUrl,
};

/** The text of a statement; ends in LF. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. */
export function formatDelegation(delegation: Delegation): string {
  const text = `${firstLine}\n${writeFields(fields, delegation)}`;
  parseDelegation(text);
  return text;
}

/** Inverse of `formatDelegation`. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. */
export function parseDelegation(text: string): Delegation {
  const [first, ...lines] = textLines("A delegation", text, maxDelegationBytes);
  if (first !== firstLine)
    throw new AssayError("BAD_FORMAT", { what: "A delegation", reason: `its first line is not ${firstLine}` });
  return readFields("A delegation", fields, lines) as unknown as Delegation;
}

/** Where a package.json says that its package now lives: `{"assay": {"movedTo": "<registry URL>"}}`. Undefined: nowhere else. */
export function movedToIn(packageJson: unknown): string | undefined {
  const assay = memberOf(packageJson, "assay");
  const url = memberOf(assay, "movedTo");
  return typeof url === "string" ? normalRegistryUrl(url) : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** In the one spelling that is compared: no trailing slash, A-labels, no default port; undefined for what is no such URL. */
function normalRegistryUrl(text: string): string | undefined {
  if (text.length > longestUrl || !/^https?:\/\/[^\s?#\\]+$/i.test(text)) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== "" || url.password !== "") return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function parseRegistryUrl(text: string, field: string): string {
  if (normalRegistryUrl(text) !== text)
    throw new AssayError("BAD_FORMAT", {
      what: `The field ${field} of a delegation`,
      reason: "a registry's URL in its normal form, without trailing slash, is expected",
    });
  return text;
}
