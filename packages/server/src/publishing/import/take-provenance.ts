import { isAssayError } from "@assay/core";
import { checkProvenance, type Provenance } from "../publish/provenance.ts";
import type { Described } from "../publish/publish-request.ts";
import type { Complaint } from "../publish/validate.ts";
import type { ImportSource, SourceVersion } from "./source.ts";

export interface TakenProvenance {
  readonly provenance: Provenance | undefined;
  /** The bundle, as a publish would have brought it. */
  readonly sent: Described["provenance"];
  /** Why there is none although the source has one. */
  readonly complaints: readonly Complaint[];
}

const provenanceTypes = /^https:\/\/slsa\.dev\/provenance\//;

/**
 * The provenance that a source has of a version, when it is about these bytes under this name, as a publish is held
 * against its own. Who signed it is not verified, here as there. Throws what the source throws.
 */
export async function takeProvenance(
  source: ImportSource,
  version: SourceVersion,
  request: Described,
): Promise<TakenProvenance> {
  const complaints: Complaint[] = [];
  for (const bundle of await source.attestations(request.name, version)) {
    const { mediaType } = bundle;
    const sent = { mediaType: typeof mediaType === "string" ? mediaType : "", text: JSON.stringify(bundle) };
    try {
      const provenance = checkProvenance({ ...request, provenance: sent }, "off");
      // Others say who published it where it was.
      if (provenance !== undefined && provenanceTypes.test(provenance.predicateType))
        return { provenance, sent, complaints: [] };
    } catch (error) {
      if (!isAssayError(error, "BLOCKED")) throw error;
      complaints.push({ rule: error.details.rule, error });
    }
  }
  return { provenance: undefined, sent: undefined, complaints };
}
