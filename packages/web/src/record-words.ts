/** A record as pages know it: its kind and its fields, as they stand in its text. */
export interface ShownRecord {
  readonly kind: string;
  /** In the order of the text. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Cuts the text of a record into its fields. It was checked when it was written; nothing is checked again. */
export function readRecordText(text: string): ShownRecord {
  const [first = "", ...lines] = text.trimEnd().split("\n");
  return {
    kind: first.slice(first.indexOf(" ") + 1),
    fields: lines.map((line) => {
      const space = line.indexOf(" ");
      return [line.slice(0, space), line.slice(space + 1)] as const;
    }),
  };
}

export function fieldOf(record: ShownRecord, name: string): string {
  return record.fields.find(([field]) => field === name)?.[1] ?? "";
}

/** What a record is about: `name@version`, a name, or the log itself. */
export function subjectOf(record: ShownRecord): string {
  const name = fieldOf(record, "name");
  const version = fieldOf(record, "version");
  if (name === "") return "the log itself";
  return version === "" ? name : `${name}@${version}`;
}

/** One sentence for a person; undefined for a kind that these pages do not know. */
export function sayRecord(record: ShownRecord): string | undefined {
  const field = (name: string): string => fieldOf(record, name);
  const what = subjectOf(record);
  switch (record.kind) {
    case "bind":
      return `From this record on, ${what} is exactly these bytes and exactly these dependencies, for everybody, for ever. They were ${field("source") === "hosted" ? "published here" : `fetched from ${field("source")}`}.`;
    case "seen":
      return `${field("source")} was seen to list ${what}. Nobody has fetched its bytes here yet; this record fixes nothing.`;
    case "confirm":
      return `${field("source")} served the same bytes for ${what} as are bound.`;
    case "conflict":
      return `${field("source")} served or listed something else for ${what} than is bound, or than another source did. Nothing that is bound changes by it; the evidence is kept.`;
    case "gone":
      if (field("source") === "hosted") return `${what} was unpublished here. No other bytes can ever have its number.`;
      return `${field("source")} stopped listing ${what}. The bound bytes stay bound.`;
    case "back":
      return `${field("source")} lists ${what} again.`;
    case "supersede":
      return `People approved other bytes for ${what} in place of record ${field("supersedes")}. Verifiers refuse this version unless their trust file allows it.`;
    case "tag":
      return `${field("source")} moved the tag ${field("tag")} of ${what} from ${noneOr(field("from"))} to ${noneOr(field("to"))}.`;
    case "delegate":
      return `The owner of ${what} signed that the name moves from ${field("from")} to ${field("to")}. What is bound stays bound.`;
    case "shard":
      return field("side") === "predecessor"
        ? `This shard goes on from ${field("origin")}, which ended with ${field("size")} records. What was bound there stays bound.`
        : `This shard ended; the log goes on in ${field("origin")}.`;
    case "key":
      return `The key ${field("keyid")} of ${field("owner")} was ${field("action") === "add" ? "added" : "retired"} (${field("use")}).`;
    default:
      return sayOwnRecord(record);
  }
}

/** Of the kinds that say what is done at the registry itself. */
function sayOwnRecord(record: ShownRecord): string | undefined {
  const field = (name: string): string => fieldOf(record, name);
  const what = subjectOf(record);
  switch (record.kind) {
    case "deprecate":
      return field("message") === "-"
        ? `${field("source")} no longer deprecates ${what}.`
        : `${field("source")} deprecated ${what}. The record holds the digest of the message.`;
    case "head":
      return `What ${what} is as a whole after a change: its versions, tags and times. Who was shown another document was shown an older state, or one that never was.`;
    case "policy":
      return `Other policies came into force. The record holds the digest of the whole set, and of nobody's name.`;
    case "audit":
      return `The audit trail had ${field("acts")} acts. Nothing in it up to there can be changed or left out unnoticed.`;
    default:
      return undefined;
  }
}

function noneOr(version: string): string {
  return version === "-" ? "nothing" : version;
}

/** What the fields mean, for the table on the page of a record. */
export const fieldMeanings: Readonly<Record<string, string>> = {
  ns: "Who gives out the names",
  name: "Package",
  version: "Version",
  integrity: "SHA-512 of the whole tarball",
  tree: "Digest over the files in the tarball",
  manifest: "Digest of the dependencies and other fields that an install uses",
  size: "Bytes of the tarball",
  source: "Where it came from",
  signer: "Key whose signature over it was verified",
  evidence: "Digest of the stored evidence",
  supersedes: "The record that this one replaces",
  approval: "Digest of the signed approval",
  tag: "Tag",
  from: "Before",
  to: "After",
  message: "Digest of the message",
  packument: "Digest of the package's versions, tags and times",
  policies: "Digest of all policies in force",
  actor: "Digest of a random identifier of who saved it",
  acts: "Acts in the audit trail",
  chain: "End of the audit trail's hash chain",
  statement: "Digest of the signed statement",
  side: "Which side of the rotation this is",
  origin: "The other shard",
  root: "Root hash of the other shard",
  action: "What happened to the key",
  use: "What the key is for",
  owner: "Whose key it is",
  keyid: "Key ID",
  key: "Digest of the key",
  seq: "Number of this record within its package",
  prev: "Record before it of the same package",
  time: "When, as the log claims",
  nonce: "Random bytes, so that a private record cannot be guessed from its hash",
};
