import { renderPage } from "../page.tsx";
import { Field, Form, Problem, type Reader } from "../people/form.tsx";
import { timeText } from "../people/time-text.ts";
import { Files, Scripts, Texts, type ShownFileChange, type ShownTextChange } from "./changes.tsx";
import type { ListedStage } from "./list.tsx";

export interface StageProps extends Reader {
  readonly stage: ListedStage & {
    readonly visibility: string;
    readonly integrity: string;
    readonly sizeBytes: number;
    /** `person`, `bot`, `ci`. */
    readonly kind: string;
    readonly address: string;
  };
  readonly unpackedBytes: number;
  /** The version that it is compared with; undefined: there is none. */
  readonly before: string | undefined;
  readonly files: readonly ShownFileChange[];
  readonly scripts: readonly ShownTextChange[];
  readonly dependencies: readonly (ShownTextChange & { readonly kind: string })[];
  readonly members: readonly ShownTextChange[];
  readonly hasGypFile: boolean;
  readonly provenance: boolean;
  /** Where several people approve together. */
  readonly together:
    | { readonly needed: number; readonly approvers: readonly string[]; readonly expiresAtMs: number }
    | undefined;
  readonly mayApprove: boolean;
  readonly mayReject: boolean;
  readonly problem?: string | undefined;
}

const actors: Readonly<Record<string, string>> = { person: "a person", bot: "a bot", ci: "CI, by its trust rule" };

/** What approving would publish, held against the version before, and the two decisions. */
export function renderStage(props: StageProps): string {
  const { base, who, stage, before, together, problem } = props;
  const { name, version } = stage;
  return renderPage({
    title: `${name}@${version}, staged · Assay`,
    base,
    who,
    here: "me",
    children: (
      <>
        <p class="crumb">
          <a href={`${base}/-/web/stage`}>Staged versions</a>
        </p>
        <h1>
          {name}@{version}
        </h1>
        <p class="lead">
          {before === undefined ? "The first version of this package." : `Compared with ${before}.`} Nobody can install
          it before it is approved.
        </p>
        <Problem text={problem} />
        <Facts {...props} />
        {together !== undefined && (
          <p class="mark open">
            <strong>
              {together.approvers.length} of {together.needed} approvals are here
            </strong>
            {together.approvers.length > 0 && `: ${together.approvers.join(", ")}`}. It is dropped where they are not
            all here on {timeText(together.expiresAtMs)}. Who staged it is none of them.
          </p>
        )}
        <Scripts scripts={props.scripts} hasGypFile={props.hasGypFile} />
        <Texts id="dependencies" title="Dependencies" caption="Dependencies that change" changes={props.dependencies} />
        <Texts id="manifest" title="Manifest" caption="Other members that change" changes={props.members} />
        <Files files={props.files} />
        <Decision {...props} />
      </>
    ),
  });
}

function Facts({ base, stage, unpackedBytes, provenance }: StageProps) {
  const { id, tags, visibility, by, kind, address, createdAtMs, expiresAtMs, sizeBytes, integrity } = stage;
  return (
    <dl class="facts">
      <dt>Staged by</dt>
      <dd>
        {by}, {actors[kind] ?? kind}
      </dd>
      <dt>From</dt>
      <dd>{address}</dd>
      <dt>Staged</dt>
      <dd>
        {timeText(createdAtMs)}; waits until {timeText(expiresAtMs)}
      </dd>
      <dt>Tag</dt>
      <dd>{tags.join(", ")}</dd>
      <dt>Who may read it</dt>
      <dd>{visibility === "public" ? "everybody" : "whom the organisation lets"}</dd>
      <dt>Size</dt>
      <dd>
        {sizeBytes} bytes, {unpackedBytes} unpacked
      </dd>
      <dt>Provenance</dt>
      <dd>{provenance ? "a signed statement about these bytes came along" : "none"}</dd>
      <dt>Integrity</dt>
      <dd>
        <code class="copy">{integrity}</code>
      </dd>
      <dt>Tarball</dt>
      <dd>
        <a href={`${base}/-/stage/${id}/tarball`} download>
          Download it
        </a>
      </dd>
    </dl>
  );
}

function Decision(props: StageProps) {
  const { stage, mayApprove, mayReject } = props;
  const path = `/-/web/stage/${stage.id}`;
  return (
    <section aria-labelledby="decide">
      <h2 id="decide">Decide</h2>
      {!mayApprove && !mayReject && <p>You may look at it, and not decide.</p>}
      {mayApprove && (
        <Form reader={props} path={`${path}/approve`} label="Approve">
          <p>
            Approving publishes {stage.name}@{stage.version} at once. Its number is never used again.
          </p>
          <button type="submit">Approve and publish</button>
        </Form>
      )}
      {mayReject && (
        <Form reader={props} path={`${path}/reject`} label="Reject">
          <Field name="reason" label="Why not" autocomplete="off" isOptional={true} />
          <button type="submit">Reject</button>
        </Form>
      )}
    </section>
  );
}
