import { renderPage } from "../page.tsx";
import { Form, Problem, type Reader } from "./form.tsx";

export interface PairProps extends Reader {
  readonly id: string;
  /** What the terminal shows too. */
  readonly code: string;
  /** The client as it calls itself, and where from. */
  readonly agent: string;
  readonly address: string;
  readonly secondsAgo: number;
  readonly problem?: string | undefined;
}

/** A client asks to be signed in: the reader compares the code with the terminal. */
export function renderPair(props: PairProps): string {
  return renderPage({
    title: "Sign a client in · Assay",
    base: props.base,
    who: props.who,
    here: "me",
    children: (
      <>
        <h1>Sign a client in?</h1>
        <p class="lead">
          A client wants to act as you, {props.who}. Compare before you say yes: who sent you here by a link may want to
          get into your account.
        </p>
        <Problem text={props.problem} />
        <dl class="facts">
          <dt>Code in the terminal</dt>
          <dd>
            <strong>
              <code class="code">{props.code}</code>
            </strong>
          </dd>
          <dt>Client</dt>
          <dd>{props.agent === "" ? "does not say" : props.agent}</dd>
          <dt>From</dt>
          <dd>{props.address}</dd>
          <dt>Asked</dt>
          <dd>
            {props.secondsAgo < 60 ? `${props.secondsAgo} s ago` : `${Math.floor(props.secondsAgo / 60)} min ago`}
          </dd>
        </dl>
        <p>
          npm and pnpm print the code. Yarn and vlt do not: compare the address and the time, and say yes only if you
          began it yourself just now.
        </p>
        <Form reader={props} path={`/-/web/pair/${props.id}`}>
          <p class="field">
            <label class="box">
              <input type="checkbox" name="compared" value="yes" required /> My terminal shows {props.code}, or I began
              this myself just now
            </label>
          </p>
          <p class="buttons">
            <button type="submit" name="decision" value="yes">
              Sign it in
            </button>
            <button type="submit" name="decision" value="no" formnovalidate>
              No
            </button>
          </p>
        </Form>
      </>
    ),
  });
}

export interface DoneProps extends Omit<Reader, "formToken"> {
  readonly title: string;
  readonly text: string;
  readonly isGood: boolean;
}

/** The end of a way: the reader goes back to the terminal. */
export function renderDone({ base, who, title, text, isGood }: DoneProps): string {
  return renderPage({
    title: `${title} · Assay`,
    base,
    who,
    here: "me",
    children: (
      <>
        <h1>{title}</h1>
        <p class={`mark ${isGood ? "yes" : "no"}`}>
          <strong>{text}</strong>
        </p>
      </>
    ),
  });
}
