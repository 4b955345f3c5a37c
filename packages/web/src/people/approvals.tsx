import { Time } from "../log-place.tsx";
import { renderPage } from "../page.tsx";
import { Table } from "../table.tsx";
import { Form, Problem, type Reader } from "./form.tsx";

export interface ShownApproval {
  readonly id: string;
  readonly subject: string;
  readonly summary: string;
  readonly digest: string;
  readonly organisation: string | undefined;
  readonly requesterName: string;
  readonly needed: number;
  readonly approvers: readonly string[] | undefined;
  readonly state: "waiting" | "done" | "rejected" | "expired";
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
  readonly votes: readonly {
    readonly voterName: string;
    readonly verdict: "approve" | "reject";
    readonly reason: string;
    readonly atMs: number;
  }[];
}

export interface ApprovalsProps extends Reader {
  readonly approvals: readonly ShownApproval[];
  /** Where the next page begins. */
  readonly next: string | undefined;
  /** Also those that were decided. */
  readonly isAll: boolean;
}

const said = { waiting: "waits", done: "carried out", rejected: "rejected", expired: "ended: nobody decided" } as const;

const given = ({ votes }: ShownApproval): number => votes.filter(({ verdict }) => verdict === "approve").length;

/** What waits for approval, as far as the reader may see it. */
export function renderApprovals({ base, who, approvals, next, isAll }: ApprovalsProps): string {
  return renderPage({
    title: "Approvals · Assay",
    base,
    who,
    here: "me",
    children: (
      <>
        <h1>Approvals</h1>
        <p>
          {isAll ? (
            <a href={`${base}/-/approvals`}>Only what waits</a>
          ) : (
            <a href={`${base}/-/approvals?all=yes`}>Also what was decided</a>
          )}
        </p>
        {approvals.length === 0 ? (
          <p>{next === undefined ? "Nothing here waits for you, and you asked for nothing." : "None on this page."}</p>
        ) : (
          <Table caption="The newest first" head={["What", "Asked by", "When", "Approved", "State"]}>
            {approvals.map((one) => (
              <tr key={one.id}>
                <td>
                  <a href={`${base}/-/approvals/${one.id}`}>{one.subject}</a>: {one.summary}
                </td>
                <td>{one.requesterName}</td>
                <td>
                  <Time ms={one.requestedAtMs} />
                </td>
                <td>
                  {given(one)} of {one.needed}
                </td>
                <td>{said[one.state]}</td>
              </tr>
            ))}
          </Table>
        )}
        {next !== undefined && (
          <p>
            <a href={`${base}/-/approvals?${isAll ? "all=yes&" : ""}after=${encodeURIComponent(next)}`}>Older ones</a>
          </p>
        )}
      </>
    ),
  });
}

export interface ApprovalProps extends Reader {
  readonly approval: ShownApproval & { readonly detail: string | undefined };
  /** Why the reader may not decide; undefined: they may. */
  readonly hindrance: string | undefined;
  /** The reader asked for it. */
  readonly isOwn: boolean;
  readonly problem?: string | undefined;
}

/** One operation that waits, with everything that will be carried out, and the forms to decide on it. */
export function renderApproval(props: ApprovalProps): string {
  const { base, who, approval, hindrance, isOwn, problem } = props;
  const { id, subject, summary, detail, digest, state, votes } = approval;
  return renderPage({
    title: `Approval of ${subject} · Assay`,
    base,
    who,
    here: "me",
    children: (
      <>
        <p class="crumb">
          <a href={`${base}/-/approvals`}>Approvals</a>
        </p>
        <h1>{subject}</h1>
        <p class={`mark ${state === "waiting" ? "open" : state === "done" ? "yes" : "no"}`}>
          <strong>{said[state]}</strong>
        </p>
        <p class="lead">{summary}</p>
        {detail !== undefined && detail !== "" && (
          <pre tabIndex={0}>
            <code>{detail}</code>
          </pre>
        )}
        <Problem text={problem} />
        <dl class="facts">
          <dt>Asked by</dt>
          <dd>
            {approval.requesterName}, <Time ms={approval.requestedAtMs} />
          </dd>
          <dt>Needs</dt>
          <dd>
            {approval.needed === 1 ? "1 person" : `${approval.needed} people`}
            {approval.approvers !== undefined && ` of ${approval.approvers.join(", ")}`}
          </dd>
          <dt>{state === "waiting" ? "Ends by itself" : "Would have ended"}</dt>
          <dd>
            <Time ms={approval.expiresAtMs} />
          </dd>
          <dt>Digest</dt>
          <dd>
            <code>{digest}</code>
          </dd>
        </dl>
        {votes.length > 0 && (
          <Table caption="Who decided" head={["Who", "What", "Reason", "When"]}>
            {votes.map((vote) => (
              <tr key={vote.voterName}>
                <td>{vote.voterName}</td>
                <td>{vote.verdict === "approve" ? "approved" : "rejected"}</td>
                <td>{vote.reason}</td>
                <td>
                  <Time ms={vote.atMs} />
                </td>
              </tr>
            ))}
          </Table>
        )}
        {state === "waiting" && hindrance !== undefined && !isOwn && <p>You cannot decide on this: {hindrance}.</p>}
        {state === "waiting" && hindrance === undefined && (
          <Decide props={props} verdict="approve" title="Approve" label="A reason (may be left out)" id={id} />
        )}
        {state === "waiting" && (hindrance === undefined || isOwn) && (
          <Decide
            props={props}
            verdict="reject"
            title={isOwn ? "Take it back" : "Reject"}
            label={isOwn ? "A reason (may be left out)" : "The reason"}
            id={id}
          />
        )}
      </>
    ),
  });
}

function Decide({
  props,
  verdict,
  title,
  label,
  id,
}: {
  readonly props: ApprovalProps;
  readonly verdict: "approve" | "reject";
  readonly title: string;
  readonly label: string;
  readonly id: string;
}) {
  return (
    <Form reader={props} path={`/-/approvals/${id}`} label={title}>
      <input type="hidden" name="verdict" value={verdict} />
      <input type="hidden" name="digest" value={props.approval.digest} />
      <p class="field">
        <label for={`reason-${verdict}`}>{label}</label>
        <input
          id={`reason-${verdict}`}
          name="reason"
          type="text"
          maxLength={1000}
          autocomplete="off"
          required={verdict === "reject" && !props.isOwn}
        />
      </p>
      <button type="submit">{title}</button>
    </Form>
  );
}
