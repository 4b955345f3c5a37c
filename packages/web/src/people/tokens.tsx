import { renderPage } from "../page.tsx";
import { Table } from "../table.tsx";
import { Field, Form, Problem, type Reader } from "./form.tsx";
import { timeText } from "./time-text.ts";

export interface TokensProps extends Reader {
  readonly tokens: readonly {
    readonly key: string;
    /** Beginning and end of it. */
    readonly redacted: string;
    readonly name: string;
    readonly level: string;
    /** What it is good for, in words. */
    readonly scope: string;
    readonly createdAtMs: number;
    readonly usedAtMs: number | undefined;
    readonly expiresAtMs: number | undefined;
  }[];
  /** Just made: shown this once. */
  readonly fresh?: string | undefined;
  readonly maxDays: number;
  readonly problem?: string | undefined;
}

export function renderTokens(props: TokensProps): string {
  const { base, who, tokens, fresh, maxDays, problem } = props;
  return renderPage({
    title: "My tokens · Assay",
    base,
    who,
    here: "me",
    children: (
      <>
        <p class="crumb">
          <a href={`${base}/-/web/me`}>{who}</a>
        </p>
        <h1>My tokens</h1>
        <Problem text={problem} />
        {fresh !== undefined && (
          <section class="mark yes" aria-label="The new token">
            <strong>Made. It is shown this once:</strong>
            <pre tabIndex={0}>
              <code class="copy">{fresh}</code>
            </pre>
          </section>
        )}
        <Table
          caption="Tokens that are good, the newest first"
          head={["Token", "Name", "May", "Made", "Used", "Ends", "End it"]}
        >
          {tokens.map((token) => (
            <tr key={token.key}>
              <td>
                <code>{token.redacted}</code>
              </td>
              <td class="name">{token.name}</td>
              <td>
                {token.level}, {token.scope}
              </td>
              <td class="whole">{timeText(token.createdAtMs)}</td>
              <td class="whole">{token.usedAtMs === undefined ? "never" : timeText(token.usedAtMs)}</td>
              <td class="whole">{token.expiresAtMs === undefined ? "never" : timeText(token.expiresAtMs)}</td>
              <td>
                <Form reader={props} path="/-/web/me/tokens/revoke" label={`Token ${token.redacted}`}>
                  <input type="hidden" name="key" value={token.key} />
                  <button type="submit">Revoke</button>
                </Form>
              </td>
            </tr>
          ))}
        </Table>
        <h2>Make a token</h2>
        <Form reader={props} path="/-/web/me/tokens">
          <Field name="name" label="What it is for" autocomplete="off" />
          <p class="field">
            <label for="field-level">What it may</label>
            <select id="field-level" name="level">
              <option value="read-only">read</option>
              <option value="read-write-stage-only">read, and stage versions for approval</option>
              <option value="read-write">read and write</option>
            </select>
          </p>
          <Field
            name="packages"
            label="Packages"
            hint="Names and scopes, such as @acme/tools or @acme/*, with blanks between. Empty: all that you may."
            autocomplete="off"
            isOptional={true}
          />
          <Field
            name="days"
            label="Days until it ends"
            type="number"
            autocomplete="off"
            value={String(Math.min(30, maxDays))}
          />
          <button type="submit">Make it</button>
        </Form>
      </>
    ),
  });
}
