import { renderPage } from "../page.tsx";
import { Field, Form, Problem, Proof, type ProofWanted, type Reader } from "./form.tsx";

export interface SignInProps extends Reader {
  /** Where to go afterwards: a path below the base. */
  readonly next: string;
  readonly user?: string | undefined;
  readonly problem?: string | undefined;
  /** Name of the provider, where there is one. */
  readonly provider?: string | undefined;
  /** Whoever comes may make an account. */
  readonly isOpen?: boolean;
}

export function renderSignIn(props: SignInProps): string {
  const { base, next, user, problem, provider, isOpen = false } = props;
  return renderPage({
    title: "Sign in · Assay",
    base,
    who: undefined,
    here: "me",
    children: (
      <>
        <h1>Sign in</h1>
        <Problem text={problem} />
        {provider !== undefined && (
          <Form reader={props} path="/-/web/provider" label={`With ${provider}`}>
            <input type="hidden" name="next" value={next} />
            <button type="submit">Sign in with {provider}</button>
          </Form>
        )}
        <Form reader={props} path="/-/web/sign-in" label="With a password">
          <input type="hidden" name="next" value={next} />
          <Field name="user" label="User name" autocomplete="username" value={user} />
          <Field name="password" label="Password" type="password" autocomplete="current-password" />
          <button type="submit">Sign in</button>
        </Form>
        {isOpen && (
          <p>
            New here? <a href={`${base}/-/web/register?next=${encodeURIComponent(next)}`}>Make an account</a>.
          </p>
        )}
      </>
    ),
  });
}

export interface RegisterProps extends Reader {
  readonly next: string;
  readonly user?: string | undefined;
  readonly email?: string | undefined;
  readonly problem?: string | undefined;
}

/** Where whoever comes may make an account. */
export function renderRegister(props: RegisterProps): string {
  const { base, next, user, email, problem } = props;
  return renderPage({
    title: "Make an account · Assay",
    base,
    who: undefined,
    here: "me",
    children: (
      <>
        <h1>Make an account</h1>
        <Problem text={problem} />
        <Form reader={props} path="/-/web/register" label="Your account">
          <input type="hidden" name="next" value={next} />
          <Field name="user" label="User name" autocomplete="username" value={user} />
          <Field name="email" label="E-mail address (may stay empty)" autocomplete="email" value={email} isOptional />
          <Field name="password" label="Password, at least 8 characters" type="password" autocomplete="new-password" />
          <button type="submit">Make the account</button>
        </Form>
      </>
    ),
  });
}

export interface SecondFactorProps extends Reader {
  readonly next: string;
  readonly wanted: ProofWanted;
  /** `sign-in`: the password was right; `again`: somebody signed in does something that needs a new proof. */
  readonly why: "sign-in" | "again";
  readonly problem?: string | undefined;
}

export function renderSecondFactor(props: SecondFactorProps): string {
  const { base, next, wanted, why, problem } = props;
  const isAgain = why === "again";
  return renderPage({
    title: `${isAgain ? "Is it you?" : "Second step"} · Assay`,
    base,
    who: props.who,
    here: "me",
    hasScript: wanted.kind === "factor" && wanted.passkey !== undefined,
    children: (
      <>
        <h1>{isAgain ? "Is it you?" : "Second step"}</h1>
        <p class="lead">
          {isAgain
            ? "What you are about to do needs a new proof that you are here. It counts for ten minutes."
            : "Your password was right. Now show that you have what only you have."}
        </p>
        <Problem text={problem} />
        <Proof
          reader={props}
          path={isAgain ? "/-/web/confirm" : "/-/web/second-step"}
          wanted={wanted}
          submit={isAgain ? "Go on" : "Sign in"}
          hidden={[["next", next]]}
        />
      </>
    ),
  });
}
