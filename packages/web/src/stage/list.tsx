import { renderPage } from "../page.tsx";
import { Table } from "../table.tsx";
import type { Reader } from "../people/form.tsx";
import { timeText } from "../people/time-text.ts";

export interface StagesProps extends Reader {
  /** The newest first. */
  readonly stages: readonly ListedStage[];
  /** Counts from 0. */
  readonly page: number;
  readonly pages: number;
}

export interface ListedStage {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly tags: readonly string[];
  readonly by: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** What waits for somebody to approve it, as far as the reader may see it. */
export function renderStages(props: StagesProps): string {
  const { base, who, stages, page, pages } = props;
  return renderPage({
    title: "Staged versions · Assay",
    base,
    who,
    here: "me",
    children: (
      <>
        <h1>Staged versions</h1>
        <p class="lead">Each was checked as every publish is, and is published when somebody who may approves it.</p>
        {stages.length === 0 ? (
          <p>Nothing waits.</p>
        ) : (
          <Table caption="What waits, the newest first" head={["Version", "Tag", "Staged by", "Staged", "Waits until"]}>
            {stages.map(({ id, name, version, tags, by, createdAtMs, expiresAtMs }) => (
              <tr key={id}>
                <th scope="row" class="name">
                  <a href={`${base}/-/web/stage/${id}`}>
                    {name}@{version}
                  </a>
                </th>
                <td>{tags.join(", ")}</td>
                <td>{by}</td>
                <td class="whole">{timeText(createdAtMs)}</td>
                <td class="whole">{timeText(expiresAtMs)}</td>
              </tr>
            ))}
          </Table>
        )}
        {pages > 1 && (
          <nav aria-label="Pages">
            {page > 0 && <a href={`${base}/-/web/stage?page=${page - 1}`}>Newer</a>}{" "}
            {page + 1 < pages && <a href={`${base}/-/web/stage?page=${page + 1}`}>Older</a>}
          </nav>
        )}
      </>
    ),
  });
}
