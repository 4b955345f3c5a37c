import { encodeUtf8, noWitnesses, parseIntegrity, type PolicyGroup, type WitnessPolicy } from "@assay/core";
import { acceptableCategories, formatTrustFile, parseTrustFile, type TrustPolicy } from "@assay/verify";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { parseRelease } from "../release.ts";
import { parseDuration } from "../duration.ts";
import { writeWhole } from "../verify/write-whole.ts";
import { mustReadTrustFile } from "./must-trust.ts";

/** What `assay trust add` adds, besides logs. */
export type AddedKind = "witness" | "quorum" | "group" | "supersede" | "accept" | "allow" | "max-age";

/** The group that `quorum <count>` writes. */
const ownGroup = "of-the-witnesses";

/** Adds one thing to the trust file, and writes it for review. Throws USAGE without a file, and BAD_FORMAT. */
export async function trustAdd(context: CliContext, kind: AddedKind, args: readonly string[]): Promise<ExitCode> {
  const { path, policy } = await mustReadTrustFile(context.cwd);
  await writeTrustFile(context, path, changes[kind](policy, args));
  return 0;
}

/** Writes a trust file and says where. Throws BAD_FORMAT, and writes nothing, when it could not be read again. */
export async function writeTrustFile(
  context: Pick<CliContext, "stdout" | "uniqueName">,
  path: string,
  policy: TrustPolicy,
): Promise<void> {
  const text = formatTrustFile(policy);
  parseTrustFile(encodeUtf8(text));
  await writeWhole(context, path, text);
  context.stdout.write(`${path} is written. Review it and commit it.\n`);
}

const changes: Readonly<Record<AddedKind, (policy: TrustPolicy, args: readonly string[]) => TrustPolicy>> = {
  witness: (policy, [name = "", vkey = ""]) => ({
    ...policy,
    witnesses: {
      ...policy.witnesses,
      witnesses: [...policy.witnesses.witnesses, { name, vkey, url: undefined }],
    },
  }),

  group: (policy, [name = "", threshold = "", ...members]) => ({
    ...policy,
    witnesses: {
      ...policy.witnesses,
      groups: [...policy.witnesses.groups, groupOf(name, threshold, members)],
    },
  }),

  quorum: (policy, [wanted = ""]) => ({ ...policy, witnesses: withQuorum(policy.witnesses, wanted) }),

  supersede(policy, [release = "", integrity = ""]) {
    const allowed = { ...parseRelease(release), integrity: parseIntegrity(integrity) };
    // One decision a version: the newest.
    const others = policy.supersedes.filter(
      ({ name, version }) => name !== allowed.name || version !== allowed.version,
    );
    return { ...policy, supersedes: [...others, allowed] };
  },

  accept(policy, [category = ""]) {
    const known = acceptableCategories.find((each) => each === category);
    if (known === undefined) throw wrongUse(`${category} is not known; known: ${acceptableCategories.join(", ")}.`);
    return { ...policy, accept: new Set([...policy.accept, known]) };
  },

  allow: (policy, [name = ""]) => ({ ...policy, allow: new Set([...policy.allow, name]) }),

  "max-age": (policy, [duration = ""]) => ({ ...policy, maxAgeSeconds: parseDuration(duration) }),
};

function withQuorum(policy: WitnessPolicy, wanted: string): WitnessPolicy {
  if (wanted === "none") return { ...policy, quorum: noWitnesses.quorum };
  if (!/^(?:all|any|[1-9]\d{0,2})$/.test(wanted)) return { ...policy, quorum: wanted };
  const groups = policy.groups.filter(({ name }) => name !== ownGroup);
  const grouped = new Set(groups.flatMap(({ members }) => members));
  const names = [...policy.witnesses, ...groups].map(({ name }) => name).filter((name) => !grouped.has(name));
  return { ...policy, groups: [...groups, groupOf(ownGroup, wanted, names)], quorum: ownGroup };
}

function groupOf(name: string, threshold: string, members: readonly string[]): PolicyGroup {
  const count = threshold === "all" ? members.length : threshold === "any" ? 1 : Number(threshold);
  if (!Number.isInteger(count) || count < 1 || count > members.length)
    throw wrongUse(`${threshold} of ${members.length} witnesses: all, any or a number from 1 to theirs is expected.`);
  return { name, threshold: count, members };
}
