import { Time } from "../log-place.tsx";
import { renderPage } from "../page.tsx";
import { Form, Problem, type Reader } from "./form.tsx";

export interface PoliciesProps extends Reader {
  readonly organisation: string;
  readonly text: string;
  /** Which a save must be made from. */
  readonly revision: number;
  readonly savedBy: string | undefined;
  readonly savedAtMs: number | undefined;
  readonly problem?: string | undefined;
}

/** An organisation's own policies, and the form that saves others. */
export function renderPolicies(props: PoliciesProps): string {
  const { base, who, organisation, text, revision, savedBy, savedAtMs, problem } = props;
  return renderPage({
    title: `Policies of ${organisation} · Assay`,
    base,
    who,
    here: "me",
    children: (
      <>
        <h1>Policies of {organisation}</h1>
        <p class="lead">
          They hold for what belongs to {organisation}, besides those of the registry. What forbids always wins.
        </p>
        <p>
          {savedBy === undefined || savedAtMs === undefined ? (
            "None were saved yet."
          ) : (
            <>
              Revision {revision}, saved by {savedBy}, <Time ms={savedAtMs} />.
            </>
          )}
        </p>
        <Problem text={problem} />
        <Form reader={props} path={`/-/web/organisations/${encodeURIComponent(organisation)}/policies`}>
          <input type="hidden" name="revision" value={String(revision)} />
          <p class="field">
            <label for="field-policies">Policies in Cedar; empty: none</label>
            <textarea id="field-policies" name="policies" rows={20} cols={80} spellcheck={false}>
              {text}
            </textarea>
          </p>
          <button type="submit">Save</button>
        </Form>
      </>
    ),
  });
}
