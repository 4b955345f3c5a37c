import { tarballFileName, type RegistrySignature, type Version } from "@assay/core";
import { fillText, quoteInside, signatureText, type CutText } from "./cut.ts";
import { toSpan, withPartsSync, type PartsIndex } from "./parts.ts";

/** Texts that replace those of one version, in both forms. */
export interface Overlay {
  readonly full: CutText;
  readonly abbreviated: CutText;
}

export { isLostParts } from "./parts.ts";

export interface AssembleInput {
  readonly partsPath: string;
  readonly form: "full" | "abbreviated";
  /** Public URL of this registry, no trailing slash. */
  readonly base: string;
  /** Versions to show, in this order; those that are not listed are left out. */
  readonly versions: "all" | readonly Version[];
  readonly tags: Readonly<Record<string, Version>>;
  readonly overlays: Readonly<Record<Version, Overlay>>;
  /** Our signatures of bound versions. */
  readonly signatures?: Readonly<Record<Version, RegistrySignature>>;
  /** `listed`: `dist.tarball` is what the owner lists, but where an overlay says that its bytes are others. */
  readonly tarballs?: "here" | "listed";
  /**
   * ISO times that stand in `time` instead of, or besides, what the upstream lists: by version, `created`,
   * `modified`. Versions without any time have none in the document either.
   */
  readonly times: Readonly<Record<string, string>>;
  /** More top-level members, instead of the upstream's of the same name (`policyRestrictions`). */
  readonly members?: Readonly<Record<string, unknown>>;
}

/**
 * Puts a finished document together: identity JSON bytes. Synchronous, for worker threads or small documents.
 * Full: `_id`, `name`, `dist-tags`, `time`, every other member of the upstream's document untouched, `versions`.
 * Abbreviated: `name`, `dist-tags`, `modified`, `time`, `versions`.
 *
 * `dist.tarball` is the canonical URL under `base`, unless `tarballs` says otherwise. Throws DamagedParts, and ENOENT when the document was replaced
 * long ago.
 */
export function assembleDocument(input: AssembleInput): Buffer {
  return withPartsSync(input.partsPath, (index, read) => {
    const shown = chooseVersions(index, input.versions);
    const time = timesOf(index, shown, input.times);
    const pieces: Uint8Array[] = [];
    const add = (text: string): void => void pieces.push(Buffer.from(text));
    const name = JSON.stringify(index.name);
    const tags = JSON.stringify(input.tags);
    const extra = Object.entries(input.members ?? {})
      .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)},`)
      .join("");
    if (input.form === "full") {
      add(`{"_id":${name},"name":${name},"dist-tags":${tags},"time":${JSON.stringify(time)},${extra}`);
      for (const member of index.members) {
        if (Object.hasOwn(input.members ?? {}, member.name)) continue;
        add(`${JSON.stringify(member.name)}:`);
        pieces.push(read(member.start, member.end));
        add(",");
      }
    } else {
      add(
        `{"name":${name},"dist-tags":${tags},"modified":${JSON.stringify(time["modified"])},"time":${JSON.stringify(time)},${extra}`,
      );
    }
    add('"versions":{');
    addVersions(pieces, index, shown, read, input);
    add("}}");
    return Buffer.concat(pieces);
  });
}

type Shown = PartsIndex["versions"];

function chooseVersions(index: PartsIndex, wanted: AssembleInput["versions"]): Shown {
  if (wanted === "all") return index.versions;
  const listed = new Map(index.versions.map((version) => [version[0], version]));
  return wanted.map((version) => listed.get(version)).filter((version) => version !== undefined);
}

function timesOf(index: PartsIndex, shown: Shown, given: Readonly<Record<string, string>>): Record<string, string> {
  const own = (key: string): string | undefined => (Object.hasOwn(given, key) ? given[key] : undefined);
  const iso = (ms: number | null): string | undefined => (ms === null ? undefined : new Date(ms).toISOString());
  const entries: [string, string | undefined][] = [
    ["created", own("created") ?? iso(index.createdMs)],
    ["modified", own("modified") ?? iso(index.modifiedMs)],
    ...shown.map(([version, publishedMs]): [string, string | undefined] => [version, own(version) ?? iso(publishedMs)]),
  ];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function addVersions(
  pieces: Uint8Array[],
  index: PartsIndex,
  shown: Shown,
  read: (start: number, end: number) => Buffer,
  input: AssembleInput,
): void {
  const isSigned = (version: Shown[number]): boolean => (index.keyids[version[6]] ?? []).length > 0;
  const spans = shown.map((version) =>
    input.form === "full"
      ? toSpan(version[7], version[8], version[9], isSigned(version))
      : toSpan(version[10], version[11], version[12], isSigned(version)),
  );
  // One read for all texts: they lie side by side.
  const from = spans.reduce((least, span) => Math.min(least, span.start), Number.POSITIVE_INFINITY);
  const to = spans.reduce((most, span) => Math.max(most, span.end), 0);
  const texts = spans.length === 0 ? Buffer.alloc(0) : read(from, to);
  const base = Buffer.from(quoteInside(input.base));
  const signatures = input.signatures ?? {};
  let separator = "";
  for (const [position, entry] of shown.entries()) {
    const [version, , , , , listedTarball] = entry;
    const span = spans[position];
    if (span === undefined) continue;
    pieces.push(Buffer.from(`${separator}${JSON.stringify(version)}:`));
    separator = ",";
    const url = `${input.base}/${index.name}/-/${tarballFileName(index.name, version)}`;
    const overlay = Object.hasOwn(input.overlays, version) ? input.overlays[version]?.[input.form] : undefined;
    const signature = Object.hasOwn(signatures, version) ? signatures[version] : undefined;
    if (overlay !== undefined) {
      pieces.push(Buffer.from(fillText(overlay, { base: input.base, tarballUrl: url, signature })));
      continue;
    }
    const slice = (start: number, end: number): Buffer => texts.subarray(start - from, end - from);
    const cut = span.attestationsAt ?? span.start;
    if (span.attestationsAt !== undefined) pieces.push(slice(span.start, cut), base);
    pieces.push(slice(cut, span.signaturesAt));
    if (signature !== undefined) pieces.push(Buffer.from(signatureText(signature, isSigned(entry))));
    pieces.push(
      slice(span.signaturesAt, span.tarballAt),
      Buffer.from(quoteInside(input.tarballs === "listed" ? listedTarball : url)),
      slice(span.tarballAt, span.end),
    );
  }
}
