import { renderPage } from "../page.tsx";
import { Form, Problem, Proof, type ProofWanted, type Reader } from "./form.tsx";

export interface StepUpProps extends Reader {
  readonly id: string;
  /** The operation, as the end of "You are about to". */
  readonly what: string;
  readonly address: string;
  readonly secondsAgo: number;
  readonly wanted: ProofWanted;
  readonly problem?: string | undefined;
}

/** A client asks to do one thing that needs its person. */
export function renderStepUp(props: StepUpProps): string {
  const { base, who, id, what, address, secondsAgo, wanted, problem } = props;
  const path = `/-/web/step-up/${id}`;
  return renderPage({
    title: "Confirm · Assay",
    base,
    who,
    here: "me",
    hasScript: wanted.kind === "factor" && wanted.passkey !== undefined,
    children: (
      <>
        <h1>Confirm what your client does</h1>
        <p class="lead">A client that is signed in as you wants to</p>
        <p class="mark open">
          <strong>{what}</strong>
        </p>
        <dl class="facts">
          <dt>From</dt>
          <dd>{address}</dd>
          <dt>Asked</dt>
          <dd>{secondsAgo} s ago</dd>
        </dl>
        <Problem text={problem} />
        <Proof reader={props} path={path} wanted={wanted} submit="Confirm" hidden={[["decision", "yes"]]} />
        <Form reader={props} path={path} label="Refuse">
          <input type="hidden" name="decision" value="no" />
          <button type="submit">No, I did not ask for this</button>
        </Form>
      </>
    ),
  });
}
