import { renderPage } from "./page.tsx";

export interface JoinProps {
  readonly base: string;
  /** Below the base: where the form goes. */
  readonly path: string;
  readonly secret: string;
  /** The first administrator's link. */
  readonly isFirst: boolean;
  readonly name?: string;
  readonly email?: string;
  /** What was wrong with the form before this one. */
  readonly problem?: string;
}

/** The page behind a link by which one person makes an account. */
export function renderJoin({ base, path, secret, isFirst, name, email, problem }: JoinProps): string {
  return renderPage({
    title: `${isFirst ? "The first administrator" : "Make your account"} · Assay`,
    base,
    children: (
      <>
        <h1>{isFirst ? "The first administrator" : "Make your account"}</h1>
        <p>
          {isFirst
            ? "Choose a name and a password. Who has an account here already gives those of it. This page works once."
            : "Choose a name and a password. This page works once."}
        </p>
        {problem !== undefined && (
          <p class="lead" role="alert">
            {problem}
          </p>
        )}
        <form method="post" action={`${base}${path}`}>
          <input type="hidden" name="secret" value={secret} />
          <p>
            <label for="name">User name</label>
            <br />
            <input id="name" name="name" value={name ?? ""} autocomplete="username" autocapitalize="none" required />
          </p>
          <p>
            <label for="email">E-mail address (may stay empty)</label>
            <br />
            <input id="email" name="email" type="email" value={email ?? ""} autocomplete="email" />
          </p>
          <p>
            <label for="password">Password, at least 8 characters</label>
            <br />
            <input id="password" name="password" type="password" autocomplete="new-password" minLength={8} required />
          </p>
          <p>
            <button type="submit">Make the account</button>
          </p>
        </form>
      </>
    ),
  });
}

export interface JoinedProps {
  readonly base: string;
  readonly name: string;
}

export function renderJoined({ base, name }: JoinedProps): string {
  return renderPage({
    title: "Welcome · Assay",
    base,
    children: (
      <>
        <h1>Welcome, {name}</h1>
        <p>The account is made. Sign a client in with:</p>
        <pre>npm login --registry={base}/</pre>
      </>
    ),
  });
}
