import { isAssayError, packageOf, parseRecord, type KnownRecord, type LogRecord } from "@assay/core";

/** A record as JSON lines hold it. */
export interface ShownRecord {
  readonly shard: string;
  readonly index: number;
  readonly text: string;
  /** Undefined when this program does not know the kind, or the text is no record. */
  readonly record: KnownRecord | undefined;
}

export function shownRecord(shard: string, index: number, text: string): ShownRecord {
  const record = read(text);
  return { shard, index, text, record: record?.kind === "unknown" ? undefined : record };
}

/** One line for a terminal: when, where, what. Every value in it was checked when the record was read. */
export function recordLine({ shard, index, record }: ShownRecord): string {
  const place = `${shard}/${index}`;
  if (record === undefined) return `${"-".padEnd(20)}  ${place}  (a kind that this program does not know)`;
  const time = new Date(record.time * 1000).toISOString().replace(".000Z", "Z");
  return `${time}  ${place}  ${record.kind.padEnd(9)}  ${subjectOf(record)}${factsOf(record)}`;
}

function subjectOf(record: KnownRecord): string {
  const name = packageOf(record);
  if (name === "") return record.kind;
  return "version" in record ? `${name}@${record.version}` : name;
}

function factsOf(record: KnownRecord): string {
  switch (record.kind) {
    case "bind":
      return ` ${record.integrity} from ${record.source}`;
    case "supersede":
      return ` ${record.integrity} in place of ${record.supersedes}`;
    case "seen":
      return ` ${record.integrity} at ${record.source}`;
    case "confirm":
      return ` by ${record.source}`;
    case "conflict":
      return ` ${record.source} has ${record.integrity === "-" ? "another manifest" : record.integrity}`;
    case "gone":
    case "back":
      return ` at ${record.source}`;
    case "tag":
      return ` ${record.tag} from ${record.from} to ${record.to} at ${record.source}`;
    case "deprecate":
      return record.message === "-" ? " not any more" : ` ${record.message}`;
    case "head":
      return ` ${record.packument}`;
    case "policy":
      return ` ${record.policies} by ${record.actor}`;
    case "audit":
      return ` ${record.acts} acts ${record.chain}`;
    case "delegate":
      return ` from ${record.from} to ${record.to}`;
    case "shard":
      return ` ${record.side} ${record.origin} size ${record.size}`;
    case "key":
      return ` ${record.action} ${record.use} ${record.owner} ${record.keyid}`;
  }
}

function read(text: string): LogRecord | undefined {
  try {
    return parseRecord(text);
  } catch (error) {
    if (isAssayError(error)) return undefined;
    throw error;
  }
}
