import { integrityHex, parseJson, type Integrity, type PackageName, type Version } from "@assay/core";

/**
 * Why a document is not what `/-/npm/v1/attestations/<name>@<version>` answers, or undefined. It must be
 * `{"attestations": [{predicateType, bundle}]}`, each bundle a DSSE envelope around an in-toto statement that has this
 * release as its one subject; when the release is bound, with its bytes' sha512. Signatures are the client's to check:
 * it knows whom it trusts. Pure.
 */
export function attestationsProblem(
  text: string,
  release: { readonly name: PackageName; readonly version: Version; readonly integrity: Integrity | undefined },
): string | undefined {
  let value: unknown;
  try {
    const parsed = parseJson(text, { maxDepth: 100 });
    if (parsed.duplicateKeys.length > 0) return `${parsed.duplicateKeys[0]} occurs twice`;
    ({ value } = parsed);
  } catch {
    return "it is not JSON";
  }
  const { attestations } = Object(value) as { readonly attestations?: unknown };
  if (!Array.isArray(attestations)) return "it has no list of attestations";
  if (attestations.length > mostAttestations) return `it has more than ${mostAttestations} attestations`;
  for (const attestation of attestations) {
    const problem = statementProblem(attestation, release);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const mostAttestations = 50;

function statementProblem(
  attestation: unknown,
  { name, version, integrity }: Parameters<typeof attestationsProblem>[1],
): string | undefined {
  const { predicateType, bundle } = Object(attestation) as { predicateType?: unknown; bundle?: unknown };
  const { dsseEnvelope } = Object(bundle) as { dsseEnvelope?: unknown };
  const { payload } = Object(dsseEnvelope) as { payload?: unknown };
  if (typeof predicateType !== "string" || typeof payload !== "string") return "an attestation is no DSSE bundle";
  let statement: { readonly subject?: unknown; readonly predicateType?: unknown };
  try {
    const parsed = parseJson(Buffer.from(payload, "base64").toString("utf8"), { maxDepth: 100 });
    if (parsed.duplicateKeys.length > 0) return `a statement has ${parsed.duplicateKeys[0]} twice`;
    statement = Object(parsed.value) as typeof statement;
  } catch {
    return "the payload of an attestation is not JSON";
  }
  // What the wrapper says is not signed; clients choose by it.
  if (statement.predicateType !== predicateType) return "the predicateType of an attestation is not its statement's";
  const [subject, ...others] = Array.isArray(statement.subject) ? (statement.subject as unknown[]) : [];
  const about = Object(subject) as { readonly name?: unknown; readonly digest?: unknown };
  if (others.length > 0 || about.name !== purlOf(name, version))
    return `an attestation is not about ${name}@${version}`;
  const { sha512 } = Object(about.digest) as { readonly sha512?: unknown };
  if (integrity !== undefined && sha512 !== integrityHex(integrity))
    return `an attestation is not about the bound bytes of ${name}@${version}`;
  return undefined;
}

/** `pkg:npm/%40scope/name@version`, as npm writes it. */
export function purlOf(name: PackageName, version: Version): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}
