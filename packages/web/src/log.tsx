import { count, sayAge, Time } from "./log-place.tsx";
import { renderPage } from "./page.tsx";
import { Table } from "./table.tsx";
import { Verbatim } from "./verbatim.tsx";
import { RecordsTable, type RecordRow } from "./records-table.tsx";

export interface LogProps {
  readonly base: string;
  /** Shards of one log, newest first. */
  readonly shards: readonly LogShard[];
  /** What was searched for and was not found, with why. */
  readonly search: { readonly text: string; readonly problem: string | undefined };
  /** Text of the witness policy; undefined where no witness is asked. */
  readonly policy: string | undefined;
  /** Newest first; a sentence where the reader may not see records. */
  readonly newest: readonly RecordRow[] | string;
}

export interface LogShard {
  readonly shard: string;
  readonly origin: string;
  readonly vkey: string;
  readonly state: "open" | "frozen";
  readonly visibility: "private" | "public";
  /** The newest signed checkpoint, taken apart; undefined before the first one. */
  readonly checkpoint: ShownCheckpoint | undefined;
}

export interface ShownCheckpoint {
  readonly note: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly signedAtMs: number | undefined;
  /** Milliseconds since then. */
  readonly ageMs: number | undefined;
  readonly signatures: readonly ShownSignature[];
}

export interface ShownSignature {
  readonly name: string;
  /** 8 hex digits. */
  readonly keyId: string;
  /** `log`: its own key; `witness`: a cosignature, which carries its time; `other`: neither. */
  readonly by: "log" | "witness" | "other";
  readonly timeMs: number | undefined;
}

const signers = { log: "the log itself", witness: "a witness", other: "a key that is not known here" } as const;

function Checkpoint({
  checkpoint,
  policy,
}: {
  readonly checkpoint: ShownCheckpoint;
  readonly policy: string | undefined;
}) {
  const witnesses = checkpoint.signatures.filter(({ by }) => by === "witness").length;
  return (
    <>
      <p>
        {witnesses === 0
          ? "No witness has signed it: that nobody is shown another log rests on what clients remember."
          : `Besides the log, ${count(witnesses, "witness has", "witnesses have")} signed that it only ever grew.`}
      </p>
      <Table caption="Signatures of the checkpoint" head={["Name", "Key ID", "Signed by", "When"]}>
        {checkpoint.signatures.map(({ name, keyId, by, timeMs }) => (
          <tr key={`${name} ${keyId}`}>
            <td class="name">
              <code>{name}</code>
            </td>
            <td>
              <code>{keyId}</code>
            </td>
            <td class="whole">{signers[by]}</td>
            <td class="whole">{timeMs === undefined ? "" : <Time ms={timeMs} />}</td>
          </tr>
        ))}
      </Table>
      <details>
        <summary>The checkpoint, verbatim</summary>
        <Verbatim label="Signed checkpoint" text={checkpoint.note} />
      </details>
      {policy !== undefined && (
        <details>
          <summary>The witness policy, verbatim</summary>
          <p>A checkpoint is public here when this is met. Who verifies can ask for the same.</p>
          <Verbatim label="Witness policy" text={policy} />
        </details>
      )}
    </>
  );
}

function Newest({
  base,
  shard,
  size,
  newest,
}: {
  readonly base: string;
  readonly shard: string;
  readonly size: number;
  readonly newest: LogProps["newest"];
}) {
  if (typeof newest === "string") return <p>{newest}</p>;
  if (newest.length === 0)
    return <p>There is none yet: the first package that is installed through this registry makes the first one.</p>;
  return <RecordsTable base={base} caption={`The newest of ${count(size, "record")} of ${shard}`} rows={newest} />;
}

function Lineage({ shards }: { readonly shards: readonly LogShard[] }) {
  return (
    <>
      <h2>Shards</h2>
      <p>
        A log goes on in a new shard when its key is changed; what was bound in one stays bound in all that follow. A
        log that was kept here before another one was followed stands here too.
      </p>
      <Table caption="Shards that are served here, newest first" head={["Shard", "State", "Records", "Key"]}>
        {shards.map(({ shard, state, checkpoint, vkey }) => (
          <tr key={shard}>
            <td class="whole">{shard}</td>
            <td>{state}</td>
            <td>{(checkpoint?.size ?? 0).toLocaleString("en-US")}</td>
            <td class="name">
              <code>{vkey}</code>
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

/** The page at `/-/web/log`: what this log is, its newest signed state, and how to check it. */
export function renderLog({ base, shards, search, policy, newest }: LogProps): string {
  const [log] = shards;
  const checkpoint = log?.checkpoint;
  return renderPage({
    title: "Checksum database · Assay",
    base,
    here: "log",
    children: (
      <>
        <h1>Checksum database</h1>
        <p class="lead">
          For every version that was ever fetched here, this log holds one record of what its bytes and its dependencies
          are. Nothing in it can be changed or taken out without everybody being able to see it.
        </p>
        <form class="search" action={`${base}/-/web/log`} method="get" role="search">
          <label for="q">Find a record by name@version, name, or number</label>
          <div>
            <input
              id="q"
              name="q"
              type="search"
              value={search.text}
              maxLength={800}
              spellcheck={false}
              autocomplete="off"
              autocapitalize="off"
            />
            <button type="submit">Find</button>
          </div>
          {search.problem !== undefined && (
            <p class="bad" role="status">
              {search.problem}
            </p>
          )}
        </form>

        {log === undefined ? (
          <p>No log is open.</p>
        ) : (
          <>
            <h2>Its newest signed state</h2>
            <dl class="facts">
              <div>
                <dt>Log</dt>
                <dd>
                  {log.shard} ({log.state}, {log.visibility})
                </dd>
              </div>
              <div>
                <dt>Records</dt>
                <dd>{(checkpoint?.size ?? 0).toLocaleString("en-US")}</dd>
              </div>
              {checkpoint?.signedAtMs !== undefined && (
                <div>
                  <dt>Signed</dt>
                  <dd>
                    {sayAge(checkpoint.ageMs ?? 0)}, <Time ms={checkpoint.signedAtMs} />
                  </dd>
                </div>
              )}
              {checkpoint !== undefined && (
                <div>
                  <dt>Root hash</dt>
                  <dd>
                    <code>{checkpoint.root}</code>
                  </dd>
                </div>
              )}
              <div>
                <dt>Key</dt>
                <dd>
                  <code class="copy">{log.vkey}</code>
                </dd>
              </div>
            </dl>
            {checkpoint === undefined ? (
              <p>It has no signed checkpoint yet.</p>
            ) : (
              <Checkpoint checkpoint={checkpoint} policy={policy} />
            )}

            <h2>Newest records</h2>
            <Newest base={base} shard={log.shard} size={checkpoint?.size ?? 0} newest={newest} />

            <h2>Verify it yourself</h2>
            <p>
              Pin the key in your repository and let CI hold every lockfile against it. Do not take the key from this
              page alone: compare it with what the operator of this registry published elsewhere.
            </p>
            <Verbatim
              label="Command that verifies a lockfile"
              text={`assay verify --registry ${base} --trust '${log.vkey}'`}
            />
            <p>
              For other tools: <a href={`${base}/-/log/${log.shard}/checkpoint`}>checkpoint</a>, tiles and entries as in
              C2SP tlog-tiles under <code>{`${base}/-/log/${log.shard}/`}</code>,{" "}
              <a href={`${base}/-/log/`}>all logs as JSON</a>. The page of each record draws its proof and has the shell
              commands that check it.
            </p>
            {shards.length > 1 && <Lineage shards={shards} />}
          </>
        )}
      </>
    ),
  });
}
