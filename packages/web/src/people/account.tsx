import { renderPage } from "../page.tsx";
import { Table } from "../table.tsx";
import { Factors, type ShownFactors } from "./factors.tsx";
import { Form, Problem, type Reader } from "./form.tsx";
import { timeText } from "./time-text.ts";

export interface ShownSession {
  readonly id: string;
  readonly agent: string;
  readonly address: string;
  readonly createdAtMs: number;
  readonly seenAtMs: number;
  /** The one that reads this page. */
  readonly isThis: boolean;
}

export interface AccountProps extends Reader {
  readonly who: string;
  readonly email: string | undefined;
  readonly isAdmin: boolean;
  readonly sessions: readonly ShownSession[];
  readonly factors: ShownFactors;
  /** Name of the provider, where there is one. */
  readonly provider?: string | undefined;
  readonly problem?: string | undefined;
}

/** What belongs to the account of who reads. */
export function renderAccount(props: AccountProps): string {
  const { base, who, email, isAdmin, sessions, factors, provider, problem } = props;
  return renderPage({
    title: `${who} · Assay`,
    base,
    who,
    here: "me",
    children: (
      <>
        <h1>{who}</h1>
        <Problem text={problem} />
        <dl class="facts">
          <dt>E-mail</dt>
          <dd>{email ?? "not given"}</dd>
          <dt>Administers the registry</dt>
          <dd>{isAdmin ? "yes" : "no"}</dd>
        </dl>
        <Form reader={props} path="/-/web/sign-out" label="Sign out">
          <button type="submit">Sign out</button>
        </Form>
        <p>
          <a href={`${base}/-/web/organisations`}>My organisations</a> ·{" "}
          <a href={`${base}/-/web/me/tokens`}>My tokens</a> · <a href={`${base}/-/web/stage`}>Staged versions</a>
        </p>
        {provider !== undefined && (
          <Form reader={props} path="/-/web/provider" label={provider}>
            <button type="submit">Sign in through {provider} from now on</button>
          </Form>
        )}
        <Factors reader={props} factors={factors} />
        <h2>Browsers that are signed in</h2>
        <Table caption="Your sessions, the newest first" head={["Browser", "From", "Since", "Last used", "End it"]}>
          {sessions.map((session) => (
            <tr key={session.id}>
              <td class="name">{session.agent === "" ? "does not say" : session.agent}</td>
              <td>{session.address}</td>
              <td class="whole">{timeText(session.createdAtMs)}</td>
              <td class="whole">{timeText(session.seenAtMs)}</td>
              <td>
                {session.isThis ? (
                  "this one"
                ) : (
                  <Form reader={props} path="/-/web/me/sessions/end" label={`Session from ${session.address}`}>
                    <input type="hidden" name="id" value={session.id} />
                    <button type="submit">End</button>
                  </Form>
                )}
              </td>
            </tr>
          ))}
        </Table>
      </>
    ),
  });
}
