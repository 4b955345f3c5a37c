import { renderPage } from "../page.tsx";
import { Field, Form, Problem, type Reader } from "./form.tsx";
import { timeText } from "./time-text.ts";

export interface ShownFactors {
  readonly hasTotp: boolean;
  readonly keys: readonly {
    readonly id: string;
    readonly label: string;
    readonly createdAtMs: number;
    readonly usedAtMs: number | undefined;
  }[];
  readonly recoveryCodesLeft: number;
  readonly mode: "all" | "sign-in";
  readonly isEnrolled: boolean;
  /** False under an address by number: security keys belong to host names. */
  readonly canAddKey: boolean;
}

/** On the page of the account: what there is besides the password. */
export function Factors({ reader, factors }: { readonly reader: Reader; readonly factors: ShownFactors }) {
  const { hasTotp, keys, recoveryCodesLeft, mode, isEnrolled, canAddKey } = factors;
  return (
    <>
      <h2>Second factors</h2>
      <p class={`mark ${isEnrolled ? "yes" : "open"}`}>
        <strong>{isEnrolled ? "Your password alone opens nothing." : "Your password alone opens this account."}</strong>
      </p>
      <dl class="facts">
        <dt>Authenticator app</dt>
        <dd>
          {hasTotp ? "set up" : "none"}
          <Form reader={reader} path={hasTotp ? "/-/web/me/totp/remove" : "/-/web/me/totp"} label="Authenticator app">
            <button type="submit">{hasTotp ? "Remove the app" : "Set up an app"}</button>
          </Form>
        </dd>
        <dt>Security keys</dt>
        <dd>
          {keys.length === 0 && "none"}
          {keys.map((key) => (
            <Form key={key.id} reader={reader} path="/-/web/me/keys/remove" label={`Security key ${key.label}`}>
              <input type="hidden" name="id" value={key.id} />
              <p>
                {key.label}, added {timeText(key.createdAtMs)}
                {key.usedAtMs === undefined ? "" : `, last used ${timeText(key.usedAtMs)}`}
              </p>
              <button type="submit">Remove {key.label}</button>
            </Form>
          ))}
          {canAddKey ? (
            <p>
              <a href={`${reader.base}/-/web/me/keys/new`}>Add a security key</a>
            </p>
          ) : (
            <p class="quiet">Security keys need a host name: open this page by one.</p>
          )}
        </dd>
        {isEnrolled && (
          <>
            <dt>Recovery codes left</dt>
            <dd>
              {recoveryCodesLeft}
              <Form reader={reader} path="/-/web/me/recovery-codes" label="Recovery codes">
                <button type="submit">Draw new ones</button>
              </Form>
            </dd>
            <dt>Asked for</dt>
            <dd>
              {mode === "all" ? "signing in, and what clients change" : "signing in"}
              <Form reader={reader} path="/-/web/me/mode" label="When it is asked for">
                <input type="hidden" name="mode" value={mode === "all" ? "sign-in" : "all"} />
                <button type="submit">
                  {mode === "all" ? "Ask for it at signing in only" : "Ask for it at changes too"}
                </button>
              </Form>
            </dd>
          </>
        )}
      </dl>
    </>
  );
}

export interface TotpProps extends Reader {
  readonly secret: string;
  readonly url: string;
}

/** A new seed for an authenticator app. */
export function renderTotp(props: TotpProps): string {
  return renderPage({
    title: "Authenticator app · Assay",
    base: props.base,
    who: props.who,
    here: "me",
    children: (
      <>
        <h1>Set up an authenticator app</h1>
        <p class="lead">Give this key to the app, then type the code that it shows.</p>
        <dl class="facts">
          <dt>Key</dt>
          <dd>
            <code class="copy">{props.secret}</code>
          </dd>
          <dt>On this device</dt>
          <dd>
            <a href={props.url}>Open in the app</a>
          </dd>
        </dl>
        <Form reader={props} path="/-/web/me/totp/confirm">
          <Field name="code" label="Code that the app shows" autocomplete="one-time-code" inputMode="numeric" />
          <button type="submit">It works</button>
        </Form>
      </>
    ),
  });
}

export interface KeyProps extends Reader {
  readonly options: string;
  readonly problem?: string | undefined;
}

export function renderNewKey(props: KeyProps): string {
  return renderPage({
    title: "Security key · Assay",
    base: props.base,
    who: props.who,
    here: "me",
    hasScript: true,
    children: (
      <>
        <h1>Add a security key</h1>
        <Problem text={props.problem} />
        <Form reader={props} path="/-/web/me/keys" passkey={{ ask: "create", options: props.options }}>
          <Field name="label" label="What you call it" autocomplete="off" value="Security key" />
          <button type="submit">Add the key</button>
          <p class="quiet" role="status"></p>
        </Form>
      </>
    ),
  });
}

export interface CodesProps extends Omit<Reader, "formToken"> {
  readonly codes: readonly string[];
}

/** Recovery codes, shown once. */
export function renderCodes({ base, who, codes }: CodesProps): string {
  return renderPage({
    title: "Recovery codes · Assay",
    base,
    who,
    here: "me",
    children: (
      <>
        <h1>Your recovery codes</h1>
        <p class="lead">
          Each is good once, when your other factor is not at hand. They are shown this once: print them, or keep them
          where you keep passwords.
        </p>
        <ul class="codes">
          {codes.map((code) => (
            <li key={code}>
              <code>{code}</code>
            </li>
          ))}
        </ul>
        <p>
          <a href={`${base}/-/web/me`}>I have them: back to my account</a>
        </p>
      </>
    ),
  });
}
