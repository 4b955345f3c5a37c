import { checkScript, type CheckScriptInput } from "./check-script.ts";
import { count, historyUrl, recordUrl, Time } from "./log-place.tsx";
import { Marks } from "./marks.tsx";
import { renderPage } from "./page.tsx";
import { Verbatim } from "./verbatim.tsx";
import { PathDrawing, sayRange, type DrawnStep } from "./path-drawing.tsx";
import { fieldMeanings, fieldOf, readRecordText, sayRecord, subjectOf, type ShownRecord } from "./record-words.ts";

export interface RecordProps {
  readonly base: string;
  readonly shard: string;
  readonly vkey: string;
  /** Hashes are base64; `signature` is the log's own over the checkpoint. */
  readonly record: Omit<CheckScriptInput, "steps"> & { readonly leafHash: string };
  /** The record that says what the version is now, where this one does not any more. */
  readonly replacedBy: { readonly shard: string; readonly index: number } | undefined;
  /** How many signature lines the checkpoint has. */
  readonly signatures: number;
  /** Leaf to root. */
  readonly steps: readonly RecordStep[];
}

export interface RecordStep extends DrawnStep {
  /** Paths of the tiles under the shard that hold the hash, or from which it is folded. */
  readonly tiles: readonly string[];
}

/** Values that are one long word: they may break anywhere, and are set as code. */
const plainFields = new Set(["size", "seq", "time", "source"]);

function FieldValue({
  base,
  shard,
  name,
  value,
}: {
  readonly base: string;
  readonly shard: string;
  readonly name: string;
  readonly value: string;
}) {
  if (value === "-") return <span class="quiet">none</span>;
  if (name === "prev") return <a href={recordUrl(base, shard, Number(value))}>record {value}</a>;
  if (name === "time") return <Time ms={Number(value) * 1000} />;
  if (name === "size") return <>{Number(value).toLocaleString("en-US")}</>;
  return plainFields.has(name) ? <>{value}</> : <code>{value}</code>;
}

/** A record in plain words: what it says, then every field with its meaning. */
function InWords({ props, record }: { readonly props: RecordProps; readonly record: ShownRecord }) {
  const { base, shard, replacedBy } = props;
  const name = fieldOf(record, "name");
  return (
    <>
      <p class="lead">
        {sayRecord(record) ??
          "This page does not know records of this kind. Its text is below; every reader may skip it."}
      </p>
      {(record.kind === "bind" || record.kind === "supersede") && (
        <Marks
          standing={replacedBy !== undefined ? "replaced" : record.kind === "bind" ? "bound" : "replacement"}
          inForce={
            replacedBy && <a href={recordUrl(base, replacedBy.shard, replacedBy.index)}>record {replacedBy.index}</a>
          }
        />
      )}
      <dl class="facts">
        {record.fields.map(([field, value]) => (
          <div key={field}>
            <dt>{fieldMeanings[field] ?? field}</dt>
            <dd>
              <FieldValue base={base} shard={shard} name={field} value={value} />
            </dd>
          </div>
        ))}
      </dl>
      {name !== "" && (
        <p>
          <a href={historyUrl(base, name)}>All records of {name}</a> · <a href={`${base}/${name}`}>Package page</a>
        </p>
      )}
    </>
  );
}

function Steps({ props }: { readonly props: RecordProps }) {
  const { base, shard, record, steps } = props;
  return (
    <ol class="steps">
      <li>
        <p>Hash of record {record.index}: SHA-256 of a zero byte and the record's text, as it stands below.</p>
        <code class="hash">{record.leafHash}</code>
      </li>
      {steps.map((step, number) => (
        <li key={step.parent}>
          <p>
            Beside it, on the {step.side}, the hash of {sayRange(step.from, step.to)} (
            {step.tiles.map((tile, at) => (
              <>
                {at > 0 && ", "}
                <a href={`${base}/-/log/${shard}/${tile}`}>{tile}</a>
              </>
            ))}
            ):
          </p>
          <code class="hash">{step.hash}</code>
          <p>
            Together, SHA-256 of a one byte, the left and the right one:{" "}
            {number === steps.length - 1 && <strong>the root.</strong>}
          </p>
          <code class="hash path">{step.parent}</code>
        </li>
      ))}
    </ol>
  );
}

/** The page at `/-/web/log/<shard>/<index>`: one record, and the proof that it is in the log. */
export function renderRecord(props: RecordProps): string {
  const { base, shard, record, steps } = props;
  const shown = readRecordText(record.text);
  return renderPage({
    title: `Record ${record.index} of ${shard} · Assay`,
    base,
    here: "log",
    children: (
      <>
        <p class="crumb">
          <a href={`${base}/-/web/log`}>Checksum database</a> › {shard}
        </p>
        <h1>
          Record {record.index}: {shown.kind} of {subjectOf(shown)}
        </h1>
        <InWords props={props} record={shown} />

        <h2>Its place in the tree</h2>
        <p>
          The log is a tree of hashes over {count(record.size, "record")}. Its root is signed. Whoever has the record
          and the {count(steps.length, "hash", "hashes")} beside its way up can compute the root; if one letter of the
          record were another, another root would come out.
        </p>
        <figure>
          <PathDrawing
            index={record.index}
            leafHash={record.leafHash}
            size={record.size}
            root={record.root}
            signatures={props.signatures}
            steps={steps}
          />
          <figcaption>
            Filled: the way from the record up to the root, computed. Outlined: the hashes beside it, which the proof
            brings.
          </figcaption>
        </figure>
        <details>
          <summary>Every step with its hashes</summary>
          <Steps props={props} />
        </details>

        <h2>Check it yourself</h2>
        <p>
          This does the same in a shell, with nothing but OpenSSL. Compare the key in it with the one that you pinned:{" "}
          <code class="long">{props.vkey}</code>
        </p>
        <Verbatim label="Shell commands that check this proof" text={checkScript({ ...record, steps })} />
        <p>With the command of Assay, which also remembers the newest state of the log that it has seen:</p>
        <Verbatim
          label="Command that proves this record"
          text={`assay log prove ${shard}/${record.index} --url ${base} --trust '${props.vkey}'`}
          wrap={true}
        />
        {shown.kind === "bind" && (
          <p>
            As a file that other transparency-log tools read:{" "}
            <a href={`${base}/-/log/${shard}/proof/${subjectOf(shown).replace("/", "%2F")}`}>
              the proof of {subjectOf(shown)}
            </a>
            .
          </p>
        )}

        <h2>The record, verbatim</h2>
        <Verbatim label="Text of the record" text={record.text} />
        <h2>The checkpoint that signs it</h2>
        <Verbatim label="Signed checkpoint" text={record.checkpoint} />
      </>
    ),
  });
}
