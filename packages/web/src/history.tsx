import { historyUrl } from "./log-place.tsx";
import { renderPage } from "./page.tsx";
import { RecordsTable, type RecordRow } from "./records-table.tsx";

export interface HistoryProps {
  readonly base: string;
  readonly name: string;
  /** Newest first. */
  readonly records: readonly RecordRow[];
  /** Where the next page starts. */
  readonly next: { readonly shard: string; readonly index: number } | undefined;
}

/** The page at `/-/web/log/history/<name>`: every record of a package, along its chain. */
export function renderHistory({ base, name, records, next }: HistoryProps): string {
  return renderPage({
    title: `Records of ${name} · Assay`,
    base,
    here: "log",
    children: (
      <>
        <p class="crumb">
          <a href={`${base}/-/web/log`}>Checksum database</a> › history
        </p>
        <h1>Records of {name}</h1>
        <p class="lead">
          Every record of a package carries a number (<code>seq</code>) and names the one before it (<code>prev</code>
          ). A record that was left out would leave a gap that anybody can see.
        </p>
        {records.length === 0 ? (
          <p>
            The log has no record of <a href={`${base}/${name}`}>{name}</a>: no version of it was ever fetched through
            this registry.
          </p>
        ) : (
          <RecordsTable base={base} caption={`Records of ${name}, newest first`} rows={records} />
        )}
        {next !== undefined && (
          <p>
            <a rel="next" href={`${historyUrl(base, name)}?from=${next.shard}/${next.index}`}>
              Older records
            </a>
          </p>
        )}
      </>
    ),
  });
}
