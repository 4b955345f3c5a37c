import { renderPage } from "./page.tsx";

export interface PasswordResetProps {
  readonly base: string;
  /** Below the base: where the form goes. */
  readonly path: string;
  readonly secret: string;
  /** Whose password. */
  readonly name: string;
  /** What was wrong with the form before this one. */
  readonly problem?: string;
}

/** The page behind a link by which a person sets a new password. */
export function renderPasswordReset({ base, path, secret, name, problem }: PasswordResetProps): string {
  return renderPage({
    title: "A new password · Assay",
    base,
    children: (
      <>
        <h1>A new password for {name}</h1>
        <p>Whoever had the old one is out. This page works once.</p>
        {problem !== undefined && (
          <p class="lead" role="alert">
            {problem}
          </p>
        )}
        <form method="post" action={`${base}${path}`}>
          <input type="hidden" name="secret" value={secret} />
          <input type="hidden" name="user" value={name} autocomplete="username" />
          <p>
            <label for="password">Password, at least 8 characters</label>
            <br />
            <input id="password" name="password" type="password" autocomplete="new-password" minLength={8} required />
          </p>
          <p>
            <button type="submit">Set the password</button>
          </p>
        </form>
      </>
    ),
  });
}

export function renderPasswordSet({ base, name }: Pick<PasswordResetProps, "base" | "name">): string {
  return renderPage({
    title: "The password is set · Assay",
    base,
    children: (
      <>
        <h1>The password of {name} is set</h1>
        <p>
          <a href={`${base}/-/web/sign-in`}>Sign in</a>, with your second factor where you have one. Clients sign in
          with:
        </p>
        <pre>npm login --registry={base}/</pre>
      </>
    ),
  });
}
