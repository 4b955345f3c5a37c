import { bindUrl } from "./log-place.tsx";
import { renderPage } from "./page.tsx";

export interface PackageProps {
  readonly base: string;
  readonly name: string;
  readonly description: string | undefined;
  readonly source: string;
  readonly tags: readonly { readonly tag: string; readonly version: string }[];
  /** Newest first. */
  readonly versions: readonly PackageVersion[];
  readonly stale: string | undefined;
}

export interface PackageVersion {
  readonly version: string;
  /** ISO 8601, or undefined when unknown. */
  readonly published: string | undefined;
  readonly integrity: string | undefined;
  readonly bound: boolean;
  readonly refused: string | undefined;
}

const shown = 30;
/** More would be a page of megabytes. */
const most = 300;

function Rows({
  base,
  name,
  versions,
}: {
  readonly base: string;
  readonly name: string;
  readonly versions: readonly PackageVersion[];
}) {
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Published</th>
            <th scope="col" class="whole">
              Checksum database
            </th>
            <th scope="col">Integrity</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((release) => (
            <tr key={release.version}>
              <td>
                <code>{release.version}</code>
                {release.refused !== undefined && <div class="bad">refused: {release.refused}</div>}
              </td>
              <td class="whole">{release.published?.slice(0, 10) ?? "unknown"}</td>
              <td class="whole">
                {release.bound ? (
                  <a class="good" href={bindUrl(base, name, release.version)}>
                    bound
                  </a>
                ) : (
                  <span class="quiet">not yet asked for</span>
                )}
              </td>
              <td class="cut" title={release.integrity}>
                <code>{release.integrity ?? "none upstream"}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The page at `/{pkg}`: versions, tags, integrity, what is bound, and how to verify it. */
export function renderPackage(props: PackageProps): string {
  const { base, name, versions } = props;
  const example = versions.find((release) => release.bound)?.version ?? versions[0]?.version;
  return renderPage({
    title: `${name} · Assay`,
    base,
    children: (
      <>
        <h1>{name}</h1>
        {props.description !== undefined && <p class="lead">{props.description}</p>}
        {props.stale !== undefined && (
          <p class="bad">The upstream cannot be asked at present ({props.stale}); this is what it last said.</p>
        )}
        <pre>
          <code>{`npm install ${name}`}</code>
        </pre>
        <h2>Tags</h2>
        <ul class="tags">
          {props.tags.map(({ tag, version }) => (
            <li key={tag}>
              {tag} <code>{version}</code>
            </li>
          ))}
        </ul>
        <h2>Versions</h2>
        <p class="quiet">
          {versions.length} from {props.source}. A bound version is the same bytes and the same dependencies for
          everybody, for ever.
        </p>
        <Rows base={base} name={name} versions={versions.slice(0, shown)} />
        {versions.length > shown && (
          <details>
            <summary>{versions.length - shown} older versions</summary>
            <Rows base={base} name={name} versions={versions.slice(shown, most)} />
            {versions.length > most && (
              <p class="quiet">
                {versions.length - most} more are in the packument: <code>{`curl ${base}/${name}`}</code>
              </p>
            )}
          </details>
        )}
        {example !== undefined && (
          <>
            <h2>Verify it yourself</h2>
            <p>
              The first line shows the record and the signed checkpoint that covers it; the second fetches a proof that
              any transparency-log tool can check.
            </p>
            <pre>
              <code>{`curl ${base}/-/log/lookup/${name}@${example}\ncurl ${base}/-/log/proof/${name}@${example}`}</code>
            </pre>
          </>
        )}
      </>
    ),
  });
}
