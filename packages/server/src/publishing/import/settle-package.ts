import { isTag, parseVersion, type PackageName, type Version } from "@assay/core";
import { actOf } from "../../identity/identity.ts";
import { change } from "../changes/change.ts";
import { claimDeprecation } from "../changes/deprecate.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { liveVersions, putTag, readTags, setDeprecated } from "../store.ts";
import type { SourcePackage } from "./source.ts";
import { importer } from "./take-version.ts";

/**
 * Brings what is said of versions that were here before: tags and deprecations. In a package that was published to here,
 * only what is missing: what somebody did here stays. One transaction; the same again changes nothing.
 */
export async function settlePackage(
  deps: PublishingDeps,
  label: string,
  { name, versions }: SourcePackage,
  tags: ReadonlyMap<string, string>,
): Promise<void> {
  const doer = importer(label);
  const by = doer.id;
  const act = actOf(doer, deps.names.organisationOf(name));
  await change(deps, doer, name, async (transaction, nowMs) => {
    const live = new Map((await liveVersions(transaction, name)).map((row) => [row.version, row]));
    const isOurs = [...live.values()].some((row) => !row.published_by.startsWith("import:"));
    const before = new Map((await readTags(transaction, name)).map(({ tag, version }) => [tag, version]));
    let isChanged = false;
    for (const [tag, target] of tags) {
      const from = before.get(tag);
      if (from === target || !live.has(target) || !isTag(tag) || (from !== undefined && isOurs)) continue;
      const to = parseVersion(target);
      await putTag(transaction, name, tag, to, nowMs);
      await deps.checksums.claimTag(transaction, {
        name,
        tag,
        from: from === undefined ? "-" : parseVersion(from),
        to,
        source: "hosted",
        atMs: nowMs,
      });
      await deps.events.record(transaction, {
        kind: "tag.set",
        subject: `npm ${name}`,
        data: { by, tag, from: from ?? "-", to },
        act,
      });
      isChanged = true;
    }
    for (const { version, deprecated: message } of versions) {
      const row = live.get(version);
      if (row === undefined || message === null || row.deprecated !== null) continue;
      await setDeprecated(transaction, name, version, message);
      await claimDeprecation(deps, transaction, { name, version, message }, nowMs);
      await deps.events.record(transaction, {
        kind: "release.deprecated",
        subject: subjectOf(name, version),
        data: { by },
        act,
      });
      isChanged = true;
    }
    return isChanged;
  });
}

function subjectOf(name: PackageName, version: Version): string {
  return `npm ${name}@${version}`;
}
