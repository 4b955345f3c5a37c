/** Changes of packages as values: so that they can wait for approval. */
import { parseVersion, type PackageName } from "@assay/core";
import type { ApprovalHandler, Doer, ManualOperation } from "../../identity/identity.ts";
import type { ChangeDeps } from "./change.ts";
import { deprecate, type Deprecations } from "./deprecate.ts";
import { liveVersions, readTags } from "../store.ts";
import { deleteTag, setTag } from "./tags.ts";
import { unpublish, type UnpublishPolicy } from "./unpublish.ts";

export type PackageChange = { readonly name: PackageName } & (
  | { readonly do: "set-tag"; readonly tag: string; readonly version: string }
  | { readonly do: "delete-tag"; readonly tag: string }
  | { readonly do: "deprecate"; readonly messages: Deprecations }
  | { readonly do: "unpublish"; readonly versions: readonly string[] }
);

/** Which handler carries it out. */
export const packageKind = "package";

/** Undefined `revision`: of whatever revision the document is. Throws what the single changes throw. */
export async function carryOutChange(
  deps: ChangeDeps,
  by: Doer,
  change: PackageChange,
  policy: UnpublishPolicy,
  revision?: string,
): Promise<void> {
  const { name } = change;
  switch (change.do) {
    case "set-tag":
      return await setTag(deps, by, name, change.tag, change.version);
    case "delete-tag":
      return await deleteTag(deps, by, name, change.tag);
    case "deprecate":
      return await deprecate(deps, by, name, { messages: change.messages, revision });
    case "unpublish":
      return void (await unpublish(deps, by, { name, versions: change.versions, revision }, policy));
  }
}

/** As it waits for approval. */
export function waitingChange(
  deps: ChangeDeps,
  by: Doer,
  change: PackageChange,
  policy: UnpublishPolicy,
): ManualOperation {
  const { name } = change;
  return {
    operation: change.do === "set-tag" || change.do === "delete-tag" ? "tag" : change.do,
    kind: packageKind,
    subject: `npm ${name}`,
    summary: inWords(change),
    resource: { kind: "package", name },
    organisation: deps.names.organisationOf(name),
    payload: change,
    rehearse: (within) => carryOutChange(deps, { ...by, within }, change, policy),
  };
}

/** What carries out changes that were approved. */
export function changeHandler(deps: ChangeDeps, policy: UnpublishPolicy): ApprovalHandler {
  return {
    async execute(within, { approval, payload, approver }) {
      const { address } = approver;
      const by = { id: approval.requester, address, action: "approve", policy: "approved", within } as const;
      await carryOutChange(deps, by, payload as PackageChange, policy);
    },
    isPointless: (payload) => isPointless(deps, payload as PackageChange),
    drop: async () => {},
  };
}

/** Whether the versions, or the tag, are there no more. */
async function isPointless({ database }: Pick<ChangeDeps, "database">, change: PackageChange): Promise<boolean> {
  if (change.do === "delete-tag")
    return (await readTags(database.read, change.name)).every(({ tag }) => tag !== change.tag);
  const live = new Set((await liveVersions(database.read, change.name)).map(({ version }) => version));
  return versionsIn(change).every((version) => !live.has(version));
}

function versionsIn(change: Exclude<PackageChange, { do: "delete-tag" }>): readonly string[] {
  if (change.do === "set-tag") return [change.version];
  return change.do === "deprecate" ? Object.keys(change.messages) : change.versions;
}

function inWords(change: PackageChange): string {
  const { name } = change;
  switch (change.do) {
    case "set-tag":
      return `point the tag ${change.tag} of ${name} at ${parseVersion(change.version)}`;
    case "delete-tag":
      return `remove the tag ${change.tag} of ${name}`;
    case "deprecate":
      return Object.entries(change.messages)
        .map(([version, message]) =>
          message === null
            ? `undeprecate ${name}@${version}`
            : `deprecate ${name}@${version} with ${JSON.stringify(message)}`,
        )
        .join("; ");
    case "unpublish":
      return `unpublish ${change.versions.map((version) => `${name}@${version}`).join(", ")}; the numbers are never used again`;
  }
}
