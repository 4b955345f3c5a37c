import type { PackageName } from "@assay/core";
import type { HostedConfig, PublishConfig } from "../../config/config.ts";
import type { AllowsSecret } from "./inspect.ts";
import type { ProvenancePolicy } from "./provenance.ts";

/** What may be in the versions of one package, and must be. */
export interface ContentRules {
  readonly provenance: ProvenancePolicy;
  readonly allowsSecret: AllowsSecret;
}

export type ContentRulesOf = (name: PackageName) => ContentRules;

/** What the member of `hosted` says that a name is under, and the registry where that says nothing. Pure. */
export function createContentRules(
  registry: Pick<PublishConfig, "provenance" | "allowedSecrets">,
  saidOf: (name: PackageName) => Pick<HostedConfig, "provenance" | "allowedSecrets"> | undefined,
): ContentRulesOf {
  return (name) => {
    const said = saidOf(name);
    const allowed = said?.allowedSecrets ?? registry.allowedSecrets;
    return {
      provenance: said?.provenance ?? registry.provenance,
      allowsSecret: (path, rule) => allowed.includes(`${name} ${rule} ${path}`),
    };
  };
}
