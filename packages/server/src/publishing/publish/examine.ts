import type { ArchiveLimits } from "../../admission/inspect-archive.ts";
import type { PackageName } from "@assay/core";
import type { PublishingDeps } from "../create-publishing.ts";
import { authoriseContent } from "./authorise-content.ts";
import type { Passed } from "./commit.ts";
import type { ContentRulesOf } from "./content-rules.ts";
import { inspect } from "./inspect.ts";
import { checkProvenance } from "./provenance.ts";
import { toPublishRequest, type PublishRequest } from "./publish-request.ts";
import type { PublishBody } from "./read-body.ts";
import { validate } from "./validate.ts";

export interface ExamineOptions {
  readonly limits: ArchiveLimits;
  readonly rulesOf: ContentRulesOf;
  /** Of new packages. */
  readonly upperCaseNames: "refuse" | "allow";
}

/** What a body asks for, and that anybody who may publish may ask for it: the steps that need no look into the archive. */
export function readRequest(
  { names }: Pick<PublishingDeps, "names">,
  body: PublishBody,
  name: PackageName,
  { upperCaseNames }: Pick<ExamineOptions, "upperCaseNames">,
): PublishRequest {
  const request = toPublishRequest(body, name);
  authoriseContent(names, request);
  validate(request, names.find(name) === undefined ? upperCaseNames : "there");
  return request;
}

/** The steps that look at the bytes: archive, manifest, secrets, provenance. The same whether it is published or staged. */
export async function examine(
  deps: Pick<PublishingDeps, "workers">,
  request: PublishRequest,
  { limits, rulesOf }: Pick<ExamineOptions, "limits" | "rulesOf">,
): Promise<Passed<PublishRequest>> {
  const { provenance, allowsSecret } = rulesOf(request.name);
  const archive = await inspect(deps, request, limits, allowsSecret);
  return { request, archive, provenance: checkProvenance(request, provenance) };
}
