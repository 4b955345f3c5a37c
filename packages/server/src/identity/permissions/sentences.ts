import type { Principal } from "../principal.ts";
import type { Action, Resource } from "./permissions.ts";

const verbs: Readonly<Record<Action, string>> = {
  read: "read",
  publish: "publish",
  stage: "stage",
  approve: "approve",
  tag: "tag",
  deprecate: "deprecate",
  unpublish: "unpublish",
  own: "change the owners of",
  configure: "change the settings of",
  trust: "change the trust rules of",
  promote: "promote in",
  rollback: "roll back in",
  quarantine: "quarantine",
  release: "release from quarantine",
  recall: "recall",
  administer: "administer",
  audit: "read the audit trail of",
};

/** `ada may not publish @acme/ui`: what a refusal says when no policy forbids by name. */
export function inWords({ kind, name }: Principal, action: Action, resource: Resource): string {
  const who = kind === "anonymous" || name === "" ? "whoever shows no credentials" : name;
  return `${who} may not ${verbs[action]} ${resourceInWords(resource)}`;
}

/** As it stands in sentences. */
export function resourceInWords(resource: Resource): string {
  switch (resource.kind) {
    case "package":
      return resource.name;
    case "organisation":
      return `the organisation ${resource.name}`;
    case "channel":
      return `the channel ${resource.name} of ${resource.organisation}`;
    case "registry":
      return "the registry";
  }
}
