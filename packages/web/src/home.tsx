import { count } from "./log-place.tsx";
import { renderPage } from "./page.tsx";
import { SearchBox } from "./search.tsx";
import { Verbatim } from "./verbatim.tsx";

export interface HomeProps {
  readonly base: string;
  readonly version: string;
  /** What stands behind this registry, for people. */
  readonly upstream: string;
  readonly packages: number;
  /** Newest first. */
  readonly logs: readonly {
    readonly shard: string;
    readonly vkey: string;
    readonly size: number;
  }[];
}

/** How a person points each client here, in one project. */
function clientCommands(base: string): readonly { readonly client: string; readonly lines: string }[] {
  return [
    {
      client: "npm",
      lines: `npm config set registry ${base}/ --location=project\nnpm config set omit-lockfile-registry-resolved true --location=project`,
    },
    { client: "pnpm", lines: `pnpm config set registry ${base}/ --location=project` },
    {
      client: "Yarn 4",
      lines: `yarn config set npmRegistryServer ${base}${base.startsWith("http:") ? `\nyarn config set unsafeHttpWhitelist --json '["${new URL(base).hostname}"]'` : ""}`,
    },
    { client: "Yarn 1 (.yarnrc)", lines: `registry "${base}/"` },
    { client: "Bun (bunfig.toml)", lines: `[install]\nregistry = "${base}/"` },
    { client: "Deno (.npmrc)", lines: `registry=${base}/` },
    { client: "vlt (vlt.json)", lines: `{ "config": { "registry": "${base}/" } }` },
  ];
}

/** The page at `/`: what this is, and how to use it. */
export function renderHome(props: HomeProps): string {
  const [log] = props.logs;
  return renderPage({
    title: "Assay: a secure module registry",
    base: props.base,
    hasAccounts: true,
    children: (
      <>
        <h1>A secure module registry</h1>
        <p class="lead">
          Packages installed through this address are downloaded once, verified byte by byte, and written into a
          checksum database that nobody can rewrite unnoticed.
        </p>
        <SearchBox base={props.base} text="" />
        <dl class="facts">
          <dt>Registry URL</dt>
          <dd>
            <code>{props.base}/</code>
          </dd>
          <dt>Reads through to</dt>
          <dd>
            <a href={`${props.base}/-/web/sources`}>{props.upstream}</a>
          </dd>
          <dt>Packages known</dt>
          <dd>{props.packages}</dd>
          <dt>Version</dt>
          <dd>{props.version}</dd>
        </dl>
        <h2>Point your client here</h2>
        <p>In the folder of your project; nothing outside it changes.</p>
        {clientCommands(props.base).map(({ client, lines }) => (
          <section key={client} aria-label={client}>
            <strong>{client}</strong>
            <Verbatim label={`How to point ${client} here`} text={lines} />
          </section>
        ))}
        <h2>Check that it keeps its word</h2>
        <p>
          Pin the log's key once, in your repository, and let CI check every lockfile against it. The key below is what
          this server says now: compare it with what its operator published.
        </p>
        {log !== undefined && (
          <Verbatim
            label="Command that verifies a lockfile"
            text={`assay verify --registry ${props.base} --trust '${log.vkey}'`}
            wrap={true}
          />
        )}
        <p>
          <a href={`${props.base}/-/web/log`}>The checksum database</a>
          {log === undefined ? "" : `, ${count(log.size, "record")} in ${log.shard}`}: its key and signed state, every
          record, and its proof as a picture.
        </p>
      </>
    ),
  });
}
