import { Time } from "../log-place.tsx";
import { renderPage } from "../page.tsx";
import { Table } from "../table.tsx";

export interface AuditFilterShown {
  readonly organisation: string | undefined;
  readonly who: string | undefined;
  readonly kind: string | undefined;
  readonly fromMs: number | undefined;
  readonly untilMs: number | undefined;
}

export interface AuditProps {
  readonly base: string;
  readonly who: string;
  readonly filter: AuditFilterShown;
  readonly entries: readonly {
    readonly seq: number;
    readonly at: number;
    readonly kind: string;
    readonly subject: string;
    readonly act: {
      readonly who: string;
      readonly address: string;
      readonly policy: string;
      readonly result: string;
    } | null;
  }[];
  /** Number before which the next page begins. */
  readonly next: number | undefined;
}

/** The audit trail, filtered by whose, who, what and when. */
export function renderAudit({ base, who, filter, entries, next }: AuditProps): string {
  const fields = [
    ["organisation", "Organisation", filter.organisation, "all of the registry"],
    ["who", "Who", filter.who, "person:ada"],
    ["kind", "What", filter.kind, "token. or tag.set"],
    ["from", "From", day(filter.fromMs), "2026-01-31"],
    ["until", "Until", day(filter.untilMs), "2026-02-28"],
  ] as const;
  const query = new URLSearchParams(
    fields.flatMap(([name, , value]) => (value === undefined ? [] : [[name, value] as [string, string]])),
  );
  return renderPage({
    title: "Audit trail · Assay",
    base,
    who,
    here: "me",
    children: (
      <>
        <h1>Audit trail{filter.organisation === undefined ? "" : ` of ${filter.organisation}`}</h1>
        <form class="form" method="get" action={`${base}/-/audit`}>
          {fields.map(([name, label, value, example]) => (
            <p key={name} class="field">
              <label for={`field-${name}`}>{label}</label>
              <input id={`field-${name}`} name={name} type="text" value={value} placeholder={example} />
            </p>
          ))}
          <button type="submit">Show</button>
        </form>
        {entries.length === 0 ? (
          <p>Nothing that fits.</p>
        ) : (
          <Table caption="The newest first" head={["When", "Who", "From", "What", "Of what", "Result", "Policy"]}>
            {entries.map(({ seq, at, kind, subject, act }) => (
              <tr key={seq}>
                <td>
                  <Time ms={at} />
                </td>
                <td>{act?.who ?? "the registry"}</td>
                <td>{act?.address}</td>
                <td>{kind}</td>
                <td>{subject}</td>
                <td>{act?.result ?? "done"}</td>
                <td>{act?.policy}</td>
              </tr>
            ))}
          </Table>
        )}
        {next !== undefined && (
          <p>
            <a href={`${base}/-/audit?${new URLSearchParams([...query, ["before", String(next)]]).toString()}`}>
              Older ones
            </a>
          </p>
        )}
      </>
    ),
  });
}

function day(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
