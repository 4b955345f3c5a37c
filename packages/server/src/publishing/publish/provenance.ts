import { createHash } from "node:crypto";
import { AssayError, fromBase64, integrityHex, isAssayError, parseJson } from "@assay/core";
import type { HostedNames } from "../../identity/identity.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import type { Described } from "./publish-request.ts";
import type { Complaint } from "./validate.ts";

/** A signed bundle whose statement is about what is published. Who signed it is not verified here. */
export interface Provenance {
  /** As sent: what is served later. */
  readonly text: string;
  /** sha256 hex of the text. */
  readonly digest: string;
  /** Of the statement inside, whatever else says so. */
  readonly predicateType: string;
}

export type ProvenancePolicy = "require" | "warn" | "off";

const howToSign =
  "publish it from CI: on GitHub Actions by npm publish --provenance in a job with the permission id-token: write, best by trusted publishing (npm trust), which needs no token";

const maxBundleBytes = 1024 * 1024;
const payloadType = "application/vnd.in-toto+json";
const statementTypes: ReadonlySet<unknown> = new Set([
  "https://in-toto.io/Statement/v1",
  "https://in-toto.io/Statement/v0.1",
]);

/**
 * Eighth step: a provenance bundle is about these bytes under this name; by `policy: require` there is one. Pure.
 * Throws BLOCKED, with how to sign.
 */
export function checkProvenance(request: Described, policy: ProvenancePolicy): Provenance | undefined {
  const { name, version, provenance, tarball } = request;
  const blocked = (rule: string, reason: string): AssayError<"BLOCKED"> =>
    new AssayError("BLOCKED", { name, version, rule, reason });
  for (const { error } of missingProvenance(request, policy)) throw error;
  if (provenance === undefined) return undefined;
  const { mediaType, text } = provenance;
  if (!/^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.\d+)?\+json(?:;\s*version=0\.\d+)?$/.test(mediaType))
    throw blocked("provenance/bundle", "its provenance attachment is no sigstore bundle");
  if (Buffer.byteLength(text) > maxBundleBytes)
    throw blocked("provenance/bundle", `its provenance bundle is larger than ${maxBundleBytes} bytes`);
  const statement = readStatement(text);
  if (typeof statement === "string") throw blocked("provenance/bundle", `of its provenance bundle, ${statement}`);
  const subjects = Array.isArray(statement["subject"]) ? (statement["subject"] as readonly unknown[]) : [];
  const [subject] = subjects;
  if (subjects.length !== 1 || !isJsonObject(subject))
    throw blocked("provenance/subject", "its provenance statement has not exactly one subject");
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  if (subject["name"] !== purl) throw blocked("provenance/subject", `its provenance statement is not about ${purl}`);
  const digest = isJsonObject(subject["digest"]) ? subject["digest"]["sha512"] : undefined;
  if (digest !== integrityHex(tarball.integrity))
    throw blocked("provenance/subject", "its provenance statement is about other bytes than the tarball");
  const { predicateType } = statement;
  if (typeof predicateType !== "string" || !/^https?:\/\/[!-~]{1,500}$/.test(predicateType))
    throw blocked("provenance/bundle", "its provenance statement has no predicate type");
  return { text, predicateType, digest: createHash("sha256").update(text).digest("hex") };
}

/** What is to be said of a version without a bundle where one is required; at most one. Pure. */
export function missingProvenance(
  { name, version, provenance }: Pick<Described, "name" | "version" | "provenance">,
  policy: ProvenancePolicy,
): readonly Complaint[] {
  if (provenance !== undefined || policy !== "require") return [];
  const rule = "provenance/missing";
  return [
    {
      rule,
      error: new AssayError("BLOCKED", {
        name,
        version,
        rule,
        reason: `versions of ${name} need a provenance statement; ${howToSign}; npm makes none of restricted packages: send one with --provenance-file`,
      }),
    },
  ];
}

/**
 * Told to who publishes without, where the policy is `warn` and clients could sign it, which they do for public packages
 * alone: a line of ASCII. Undefined: nothing is to be said. Pure.
 */
export function provenanceNotice(
  names: Pick<HostedNames, "find" | "defaultVisibility">,
  { name, access, provenance }: Pick<Described, "name" | "access" | "provenance">,
  policy: ProvenancePolicy,
): string | undefined {
  const visibility = names.find(name)?.visibility ?? access ?? names.defaultVisibility(name);
  if (provenance !== undefined || policy !== "warn" || visibility !== "public") return undefined;
  return `This version has no provenance statement; ${howToSign}`;
}

/** The statement that was signed, or what is wrong. */
function readStatement(text: string): JsonObject | string {
  const bundle = strictObject(text);
  if (bundle === undefined) return "the text is not strict JSON";
  const envelope = bundle["dsseEnvelope"];
  if (!isJsonObject(envelope)) return "there is no DSSE envelope";
  if (envelope["payloadType"] !== payloadType) return `the payload is not ${payloadType}`;
  if (!Array.isArray(envelope["signatures"]) || envelope["signatures"].length === 0) return "nothing is signed";
  if (typeof envelope["payload"] !== "string") return "there is no payload";
  let payload: string;
  try {
    payload = new TextDecoder("utf-8", { fatal: true }).decode(fromBase64(envelope["payload"]));
  } catch {
    return "the payload is not base64 of UTF-8";
  }
  const statement = strictObject(payload);
  if (statement === undefined) return "the statement is not strict JSON";
  return statementTypes.has(statement["_type"]) ? statement : "the statement is not an in-toto statement";
}

function strictObject(text: string): JsonObject | undefined {
  try {
    const { value, duplicateKeys } = parseJson(text, { maxDepth: 100 });
    return isJsonObject(value) && duplicateKeys.length === 0 ? value : undefined;
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) return undefined;
    throw error;
  }
}
