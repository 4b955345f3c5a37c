import { recordUrl, Time } from "./log-place.tsx";
import { fieldOf, readRecordText, subjectOf } from "./record-words.ts";
import { Table } from "./table.tsx";

/** A record where it stands. */
export interface RecordRow {
  readonly shard: string;
  readonly index: number;
  /** Record text. */
  readonly text: string;
}

/** Records as rows, each with the link to its page. */
export function RecordsTable({
  base,
  caption,
  rows,
}: {
  readonly base: string;
  readonly caption: string;
  readonly rows: readonly RecordRow[];
}) {
  return (
    <Table caption={caption} head={["Record", "Kind", "About", "Source", "When"]}>
      {rows.map(({ shard, index, text }) => {
        const record = readRecordText(text);
        const seconds = Number(fieldOf(record, "time"));
        return (
          <tr key={`${shard}/${index}`}>
            <td class="whole">
              <a href={recordUrl(base, shard, index)}>{index}</a>
            </td>
            <td>{record.kind}</td>
            <td class="name">
              <code>{subjectOf(record)}</code>
            </td>
            <td>{fieldOf(record, "source")}</td>
            <td class="whole">{Number.isSafeInteger(seconds) && seconds > 0 && <Time ms={seconds * 1000} />}</td>
          </tr>
        );
      })}
    </Table>
  );
}
