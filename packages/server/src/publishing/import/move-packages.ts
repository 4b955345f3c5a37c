import { isAssayError, type PackageName } from "@assay/core";
import { NetworkError } from "../../platform/network/network.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { enteredTags } from "../publish/entry.ts";
import { requireTag } from "../publish/validate.ts";
import { comparePackage, createStanding } from "./compare-package.ts";
import type { Difference, MoveOptions, MoveReport, NotTaken } from "./report.ts";
import { settlePackage } from "./settle-package.ts";
import type { ImportSource, SourcePackage, SourceVersion } from "./source.ts";
import { takeVersion, type TakeOptions } from "./take-version.ts";

/**
 * Brings packages here from another registry, then holds all of them against it. Each version is a publish of its own,
 * so that whatever ends this leaves whole versions, and the next run goes on after them. Throws USAGE and what `source`
 * throws for the whole registry.
 */
export async function movePackages(
  deps: PublishingDeps,
  source: ImportSource,
  options: MoveOptions & Omit<TakeOptions, "accept">,
): Promise<MoveReport> {
  const { signal, onProgress } = options;
  const names = await source.names(options.names);
  const moved = createTally();
  const standing = createStanding(deps);
  let done = 0;

  async function movePackage(name: PackageName): Promise<void> {
    const { package_, reason } = await readFrom(source, name);
    if (package_ === undefined) return moved.refuse({ name, version: undefined, rule: "import/unreadable", reason });
    if (deps.names.organisationOf(name) === undefined)
      return moved.refuse({ name, version: undefined, rule: "import/no-organisation", reason: noOrganisation(name) });
    const tags = enteredTags(deps.entry, name, tagsOf(package_, options.accept, moved));
    for (const { version, reason: why } of package_.unreadable)
      moved.refuse({ name, version, rule: "import/unreadable", reason: why });
    for (const version of inOrder(package_)) {
      if (signal.aborted) return;
      const pointing = [...tags].filter(([, target]) => target === version.version).map(([tag]) => tag);
      const taken = await takeVersion(deps, source, { name, version, tags: pointing }, options);
      moved.took(name, version, taken);
      onProgress?.({ done, total: names.length, ...moved.soFar(), latest: `${name}@${version.version}` });
    }
    await settlePackage(deps, source.label, package_, tags);
    const { package_: again = package_ } = await readFrom(source, name);
    const expected = { ...again, tags: enteredTags(deps.entry, name, again.tags) };
    moved.compared(await comparePackage({ ...deps, standing }, expected, moved.isKnown(name), signal));
  }

  const waiting = names[Symbol.iterator]();
  async function work(): Promise<void> {
    for (const name of waiting) {
      if (signal.aborted) return;
      await movePackage(name);
      done++;
      onProgress?.({ done, total: names.length, ...moved.soFar(), latest: name });
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return moved.report(signal.aborted);
}

async function readFrom(
  source: ImportSource,
  name: PackageName,
): Promise<{ readonly package_?: SourcePackage; readonly reason: string }> {
  try {
    return { package_: await source.read(name), reason: "" };
  } catch (error) {
    // A registry that knows nobody says the same of every package.
    if (isAssayError(error, "UNAUTHORIZED")) throw error;
    if (isAssayError(error) || error instanceof NetworkError) return { reason: error.message };
    throw error;
  }
}

/** What `latest` names comes first: the first version of a package gets that tag, and no other should have had it. */
function inOrder({ versions, tags }: SourcePackage): readonly SourceVersion[] {
  const latest = tags.get("latest");
  return versions.toSorted((a, b) => Number(b.version === latest) - Number(a.version === latest));
}

/** Those that may be set here. */
function tagsOf({ name, tags }: SourcePackage, accept: ReadonlySet<string>, moved: Tally): ReadonlyMap<string, string> {
  const rule = "publish/tag";
  return new Map(
    [...tags].filter(([tag]) => {
      try {
        requireTag(tag);
        return true;
      } catch (error) {
        if (!isAssayError(error, "BAD_REQUEST")) throw error;
        const row = { name, version: `tag ${tag}`, rule, reason: error.details.reason };
        if (accept.has(rule)) moved.accept({ ...row, isAcceptable: true });
        else moved.refuse(row, true);
        return accept.has(rule);
      }
    }),
  );
}

function noOrganisation(name: PackageName): string {
  const scope = /^@([^/]+)\//.exec(name)?.[1];
  const made = scope === undefined ? "" : `make the organisation ${scope}, or `;
  return `no organisation here has this name; ${made}give it to one in assay.yaml: hosted: [{names: ["${name}"], organisation: <name>}]`;
}

type Tally = ReturnType<typeof createTally>;

function createTally() {
  const notTaken: NotTaken[] = [];
  const accepted: NotTaken[] = [];
  const differences: Difference[] = [];
  const weak: string[] = [];
  let packages = 0;
  let versions = 0;
  let brought = 0;
  let sizeBytes = 0;
  let waiting = 0;
  return {
    refuse: (row: Omit<NotTaken, "isAcceptable">, isAcceptable = false): void =>
      void notTaken.push({ ...row, isAcceptable }),
    accept: (row: NotTaken): void => void accepted.push(row),
    took(name: PackageName, { version }: SourceVersion, taken: Awaited<ReturnType<typeof takeVersion>>): void {
      if (taken.kind === "refused") notTaken.push(...taken.because);
      if (taken.kind !== "brought") return;
      brought++;
      sizeBytes += taken.sizeBytes;
      accepted.push(...taken.accepted);
      if (taken.isWeak) weak.push(`${name}@${version}`);
    },
    soFar: () => ({ versions: brought, sizeBytes }),
    isKnown: (name: PackageName) => (version: string) =>
      notTaken.some((row) => row.name === name && row.version === version),
    compared(result: Awaited<ReturnType<typeof comparePackage>>): void {
      packages += result.equal > 0 ? 1 : 0;
      versions += result.equal;
      waiting += result.waiting;
      differences.push(...result.differences);
    },
    report(isStopped: boolean): MoveReport {
      const isWhole = notTaken.length === 0 && differences.length === 0;
      const outcome = isStopped ? "stopped" : isWhole ? "complete" : "incomplete";
      return { outcome, packages, versions, brought, sizeBytes, notTaken, accepted, differences, weak, waiting };
    },
  };
}
