import type { ComponentChildren } from "preact";
import { bindUrl, count, historyUrl, Time } from "./log-place.tsx";
import { Marks } from "./marks.tsx";
import { renderPage } from "./page.tsx";
import { Table } from "./table.tsx";
import { Verbatim } from "./verbatim.tsx";

export interface PackageProps {
  readonly base: string;
  readonly name: string;
  readonly description: string | undefined;
  /** The upstream that owns the name: what it lists is what shows. */
  readonly source: string;
  /** It was published here: it has settings, for whoever may see them. */
  readonly isHosted: boolean;
  /** Mirrors that are asked for its bytes too. */
  readonly mirrors: readonly string[];
  readonly tags: readonly { readonly tag: string; readonly version: string }[];
  /** Newest first. */
  readonly versions: readonly PackageVersion[];
  /** Not served here, whether they are listed or not. */
  readonly refused: readonly { readonly version: string; readonly rule: string; readonly reason: string }[];
  /** What the log fixes for the version that is shown first, when it is bound. */
  readonly bind: ShownBind | undefined;
  readonly stale: string | undefined;
}

export interface PackageVersion {
  readonly version: string;
  /** ISO 8601, or undefined when unknown. */
  readonly published: string | undefined;
  readonly integrity: string | undefined;
  /** Where the bound bytes came from and whose signature over them was verified; undefined while nobody asked for them. */
  readonly bound: { readonly source: string; readonly signer: string | undefined } | undefined;
  readonly isRefused: boolean;
}

export interface ShownBind {
  readonly version: string;
  readonly integrity: string;
  readonly tree: string;
  readonly manifest: string;
  readonly sizeBytes: number;
  readonly source: string;
  readonly signer: string | undefined;
  readonly boundAtMs: number;
}

const shown = 30;
/** More would be a page of megabytes. */
const most = 300;

function Rows({
  base,
  name,
  versions,
  caption,
}: {
  readonly base: string;
  readonly name: string;
  readonly versions: readonly PackageVersion[];
  readonly caption: string;
}) {
  return (
    <Table caption={caption} head={["Version", "Published", "Authentic", "Vetted", "Source", "Integrity"]}>
      {versions.map(({ version, published, integrity, bound, isRefused }) => (
        <tr key={version}>
          <th scope="row" class="whole">
            <code>{version}</code>
          </th>
          <td class="whole">{published?.slice(0, 10) ?? "unknown"}</td>
          <td class="whole">
            {bound === undefined ? (
              <span class="quiet">not yet asked for</span>
            ) : (
              <a class="good" href={bindUrl(base, name, version)}>
                bound, proof
              </a>
            )}
            {isRefused && <div class="bad">refused</div>}
          </td>
          <td class="whole quiet">not here</td>
          <td>
            {bound?.source}
            {bound?.signer !== undefined && (
              <div class="quiet signer" title={bound.signer}>
                signed
              </div>
            )}
          </td>
          <td class="cut" title={integrity}>
            <code>{integrity ?? "none upstream"}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Bind({ base, name, bind }: { readonly base: string; readonly name: string; readonly bind: ShownBind }) {
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ["SHA-512 of the whole tarball", <code>{bind.integrity}</code>],
    ["Digest over its files", <code>{bind.tree}</code>],
    ["Digest of its dependencies and scripts", <code>{bind.manifest}</code>],
    ["Bytes", bind.sizeBytes.toLocaleString("en-US")],
    ["Fetched from", bind.source],
    ["Signature verified", bind.signer === undefined ? "none by a key of its registry" : <code>{bind.signer}</code>],
    ["Bound", <Time ms={bind.boundAtMs} />],
  ];
  return (
    <>
      <h2>
        What {name}@{bind.version} is
      </h2>
      <Marks standing="bound" />
      <dl class="facts">
        {facts.map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p>
        <a href={bindUrl(base, name, bind.version)}>The record and its proof, drawn</a> ·{" "}
        <a href={historyUrl(base, name)}>All records of {name}</a>
      </p>
    </>
  );
}

/** The page at `/{pkg}`: what is bound and how to prove it, what is refused and why, tags, versions. */
export function renderPackage(props: PackageProps): string {
  const { base, name, versions, refused, bind } = props;
  return renderPage({
    title: `${name} · Assay`,
    base,
    hasAccounts: true,
    children: (
      <>
        <h1>{name}</h1>
        {props.description !== undefined && <p class="lead">{props.description}</p>}
        {props.stale !== undefined && (
          <p class="bad">The upstream cannot be asked at present ({props.stale}); this is what it last said.</p>
        )}
        <Verbatim label="Install command" text={`npm install ${name}`} />
        {bind !== undefined && <Bind base={base} name={name} bind={bind} />}
        {refused.length > 0 && (
          <>
            <h2>Refused here</h2>
            <p>
              No client is given {refused.length === 1 ? "this version" : "these versions"}.
              {refused.some(({ rule }) => rule === "upstream/removed-early") && (
                <>
                  {" "}
                  Whoever runs this registry can free a version that its upstream removed early:{" "}
                  <code>{`assay quarantine free ${name}@<version>`}</code>.
                </>
              )}
            </p>
            <dl class="facts">
              {refused.slice(0, shown).map(({ version, rule, reason }) => (
                <div key={version}>
                  <dt>
                    <code>{version}</code>
                  </dt>
                  <dd class="bad">
                    {rule}: {reason}
                  </dd>
                </div>
              ))}
            </dl>
          </>
        )}
        <h2>Sources</h2>
        <p>
          {props.source} owns this name: what it lists is what shows.{" "}
          {props.mirrors.length === 0
            ? "Its bytes come from there."
            : `Its bytes come from there or from ${props.mirrors.join(", ")}; they are the same, or refused.`}{" "}
          <a href={`${base}/-/web/sources`}>All sources</a>
          {props.isHosted && (
            <>
              {" "}
              · <a href={`${base}/-/web/packages/${name}/settings`}>Settings</a>
            </>
          )}
        </p>
        <h2>Tags</h2>
        <ul class="tags">
          {props.tags.map(({ tag, version }) => (
            <li key={tag}>
              {tag} <code>{version}</code>
            </li>
          ))}
        </ul>
        <h2>Versions</h2>
        <p>
          A bound version is <em>authentic</em>: the same bytes and the same dependencies for everybody, for ever. That
          does not say that they are harmless: that is what <em>vetted</em> would say, and nothing is vetted here yet.
        </p>
        <Rows
          base={base}
          name={name}
          versions={versions.slice(0, shown)}
          caption={`${count(versions.length, "version")} listed by ${props.source}, newest first`}
        />
        {versions.length > shown && (
          <details>
            <summary>{count(versions.length - shown, "older version")}</summary>
            <Rows base={base} name={name} versions={versions.slice(shown, most)} caption="Older versions" />
            {versions.length > most && (
              <p class="quiet">
                {versions.length - most} more are in the packument: <code>{`curl ${base}/${name}`}</code>
              </p>
            )}
          </details>
        )}
      </>
    ),
  });
}
