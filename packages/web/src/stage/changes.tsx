import { Table } from "../table.tsx";

export type ShownChange = "added" | "removed" | "changed" | "same";

export interface ShownFileChange {
  readonly path: string;
  readonly change: ShownChange;
  readonly sizeBytes: number;
  readonly beforeBytes: number | undefined;
  readonly executable: boolean;
}

export interface ShownTextChange {
  readonly name: string;
  readonly change: ShownChange;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Clients run these of what they install, unless they are told not to. */
const onInstall: ReadonlySet<string> = new Set(["preinstall", "install", "postinstall", "prepare"]);
/** More would be a page of megabytes. */
const mostFiles = 1000;
const longestText = 2000;

export function Scripts({
  scripts,
  hasGypFile,
}: {
  readonly scripts: readonly ShownTextChange[];
  readonly hasGypFile: boolean;
}) {
  const dangerous = scripts.filter(({ name, change }) => onInstall.has(name) && change !== "removed");
  const fresh = dangerous.filter(({ change }) => change !== "same");
  return (
    <section aria-labelledby="scripts">
      <h2 id="scripts">Scripts</h2>
      {fresh.length > 0 && (
        <p class="mark no">
          <strong>New or changed code runs at installation:</strong> {fresh.map(({ name }) => name).join(", ")}
        </p>
      )}
      {fresh.length === 0 && dangerous.length > 0 && (
        <p class="mark open">
          <strong>Code runs at installation,</strong> as in the version before:{" "}
          {dangerous.map(({ name }) => name).join(", ")}
        </p>
      )}
      {hasGypFile && (
        <p class="mark open">
          <strong>A native build runs at installation:</strong> there is a binding.gyp
        </p>
      )}
      {scripts.length === 0 ? (
        <p>There are none.</p>
      ) : (
        <Table caption="All scripts" head={["Script", "Is", "Was", "Now"]}>
          {scripts.map((script) => (
            <TextRow key={script.name} change={script} />
          ))}
        </Table>
      )}
    </section>
  );
}

export function Texts({
  id,
  title,
  caption,
  changes,
}: {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly changes: readonly (ShownTextChange & { readonly kind?: string })[];
}) {
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {changes.length === 0 ? (
        <p>Nothing changes.</p>
      ) : (
        <Table caption={caption} head={["Member", "Is", "Was", "Now"]}>
          {changes.map((change) => (
            <TextRow key={`${change.kind} ${change.name}`} change={change} kind={change.kind} />
          ))}
        </Table>
      )}
    </section>
  );
}

function TextRow({ change, kind }: { readonly change: ShownTextChange; readonly kind?: string | undefined }) {
  return (
    <tr>
      <th scope="row" class="whole">
        <code>{change.name}</code>
        {kind !== undefined && <div class="quiet">{kind}</div>}
      </th>
      <td class="whole">
        <Change change={change.change} />
      </td>
      <td class="name">{change.before !== undefined && <code>{cut(change.before)}</code>}</td>
      <td class="name">{change.after !== undefined && <code>{cut(change.after)}</code>}</td>
    </tr>
  );
}

export function Files({ files }: { readonly files: readonly ShownFileChange[] }) {
  const count = (change: ShownChange): number => files.filter((file) => file.change === change).length;
  return (
    <section aria-labelledby="files">
      <h2 id="files">Files</h2>
      <p>
        {count("added")} added, {count("changed")} changed, {count("removed")} removed, {count("same")} the same.
      </p>
      <Table caption="What is new first" head={["File", "Is", "Bytes", "Bytes before"]}>
        {files.slice(0, mostFiles).map(({ path, change, sizeBytes, beforeBytes, executable }) => (
          <tr key={path}>
            <th scope="row" class="name">
              <code>{path}</code>
              {executable && <span class="quiet"> executable</span>}
            </th>
            <td class="whole">
              <Change change={change} />
            </td>
            <td class="whole">{change === "removed" ? "" : sizeBytes}</td>
            <td class="whole">{beforeBytes ?? ""}</td>
          </tr>
        ))}
      </Table>
      {files.length > mostFiles && (
        <p>{files.length - mostFiles} more are not shown here; download the tarball to see them.</p>
      )}
    </section>
  );
}

function Change({ change }: { readonly change: ShownChange }) {
  if (change === "same") return <span class="quiet">the same</span>;
  return <strong class={change === "removed" ? "bad" : change === "added" ? "good" : undefined}>{change}</strong>;
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)} … (${text.length} characters)` : text;
}
