/**
 * A CI service as a registry sees it: an OpenID issuer whose tokens say who runs, with the claims of the real ones,
 * keys that rotate, and the endpoint where a job asks for its token.
 */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";

export type CiKind = "github" | "gitlab" | "circleci";

/** What a token is made with, where it differs from a usual one. Claims that are `undefined` are left out. */
export interface TokenOptions {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly audience?: string | readonly string[];
  /** Seconds from now. Default 0. */
  readonly issuedIn?: number;
  /** Seconds from its issue. Default 300. */
  readonly lifetime?: number;
  /** Sign with this key id although it is none of ours. */
  readonly unknownKey?: true;
}

export interface CiIssuer extends AsyncDisposable {
  readonly kind: CiKind;
  /** What stands in `iss`. */
  readonly issuer: string;
  /** As `identity.ci` names it: with the place of the organisation where there is one. */
  readonly configured: string;
  /** A signed token. */
  mint(options?: TokenOptions): Promise<string>;
  /** The keys that are published now. */
  keys(): Promise<readonly JWK[]>;
  /** New keys; the old ones are published on unless they are to be forgotten. */
  rotate(old: "kept" | "forgotten"): Promise<void>;
  /** Requests by path. */
  readonly requests: string[];
  /** From now on every request is answered with this status; undefined: as usual. */
  fail(status: number | undefined): void;
  /** Environment of a job, in which clients find its token. The job's claims are those of `mint`. */
  job(options?: TokenOptions): Promise<Readonly<Record<string, string>>>;
  /** What the endpoint of GitHub Actions puts into tokens from now on. */
  nextJob(options: TokenOptions): void;
}

export const circleOrganisation = "94b40e60-cfd5-486f-a04b-507abf27a83d";

type Claims = Readonly<Record<string, unknown>>;

/** The claims of a release of acme/widgets from its main branch. */
export function usualClaims(kind: CiKind, issuer: string): Claims {
  switch (kind) {
    case "github":
      return {
        sub: "repo:acme/widgets:environment:production",
        repository: "acme/widgets",
        repository_id: "74",
        repository_owner: "acme",
        repository_owner_id: "65",
        repository_visibility: "private",
        ref: "refs/heads/main",
        ref_type: "branch",
        sha: "2f3c1d0a9b8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
        workflow: "publish",
        workflow_ref: "acme/widgets/.github/workflows/publish.yml@refs/heads/main",
        job_workflow_ref: "acme/widgets/.github/workflows/publish.yml@refs/heads/main",
        environment: "production",
        runner_environment: "github-hosted",
        event_name: "push",
        actor: "ada",
        actor_id: "12",
        run_id: "1234567890",
        run_number: "10",
        run_attempt: "1",
      };
    case "gitlab": {
      const { host } = new URL(issuer);
      return {
        sub: "project_path:acme/widgets:ref_type:branch:ref:main",
        project_path: "acme/widgets",
        project_id: "22",
        namespace_path: "acme",
        namespace_id: "72",
        project_visibility: "private",
        user_login: "ada",
        user_id: "1",
        pipeline_id: "212",
        pipeline_source: "push",
        job_id: "301",
        ref: "main",
        ref_type: "branch",
        ref_path: "refs/heads/main",
        ref_protected: "true",
        environment: "production",
        environment_protected: "true",
        runner_environment: "gitlab-hosted",
        sha: "714a629c0b401fdce83e847fc9589983fc6f46bc",
        ci_config_ref_uri: `${host}/acme/widgets//.gitlab-ci.yml@refs/heads/main`,
        ci_config_sha: "714a629c0b401fdce83e847fc9589983fc6f46bc",
      };
    }
    case "circleci":
      return {
        sub: `org/${circleOrganisation}/project/ff4d0d0d-5033-48c5-81e6-7c14a4715837/user/1`,
        "oidc.circleci.com/org-id": circleOrganisation,
        "oidc.circleci.com/project-id": "ff4d0d0d-5033-48c5-81e6-7c14a4715837",
        "oidc.circleci.com/pipeline-definition-id": "c959a6e7-5b83-4bc1-b46f-37bf13513490",
        "oidc.circleci.com/pipeline-id": "c01f3c2b-0c5e-4a4c-9c1f-0d6b0b4e7a11",
        "oidc.circleci.com/context-ids": ["a1b2c3d4-e5f6-7890-abcd-ef1234567890"],
        "oidc.circleci.com/vcs-origin": "github.com/acme/widgets",
        "oidc.circleci.com/vcs-ref": "refs/heads/main",
      };
  }
}

interface Pair {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

async function makePair(algorithm: string): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const kid = randomUUID();
  return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: "sig" } };
}

const requestToken = "the-runner-knows-it";

/** Starts an issuer on a free loopback port. */
export async function startCiIssuer(
  kind: CiKind,
  { now = Date.now, algorithm = "RS256" }: { readonly now?: () => number; readonly algorithm?: string } = {},
): Promise<CiIssuer> {
  let pairs: Pair[] = [await makePair(algorithm)];
  let broken: number | undefined;
  let nextOptions: TokenOptions = {};
  const requests: string[] = [];
  const server = createServer((request, response) => {
    answer(request.url ?? "/", request.headers.authorization).then(
      ({ status, body }) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const configured = kind === "circleci" ? `${origin}/org/{org-id}` : origin;
  const issuer = configured.replace("{org-id}", circleOrganisation);

  async function answer(url: string, authorization: string | undefined): Promise<{ status: number; body: unknown }> {
    const { pathname, searchParams } = new URL(url, origin);
    requests.push(pathname);
    if (broken !== undefined) return { status: broken, body: {} };
    if (`${origin}${pathname}` === `${issuer}/.well-known/openid-configuration`)
      return { status: 200, body: { issuer, jwks_uri: `${issuer}/keys` } };
    if (`${origin}${pathname}` === `${issuer}/keys`) return { status: 200, body: { keys: await keys() } };
    if (kind !== "github" || pathname !== "/token") return { status: 404, body: {} };
    if (authorization !== `Bearer ${requestToken}`) return { status: 401, body: {} };
    const audience = searchParams.get("audience") ?? `${origin}/acme`;
    return { status: 200, body: { value: await mint({ audience, ...nextOptions }) } };
  }

  async function keys(): Promise<readonly JWK[]> {
    return pairs.map(({ publicJwk }) => publicJwk);
  }

  async function mint(options: TokenOptions = {}): Promise<string> {
    const [pair] = pairs;
    if (pair === undefined) throw new Error("no key");
    const { issuedIn = 0, lifetime = 300, audience = "npm:127.0.0.1" } = options;
    const issuedAt = Math.floor(now() / 1000) + issuedIn;
    const claims = {
      jti: randomUUID(),
      iss: issuer,
      aud: typeof audience === "string" ? audience : [...audience],
      iat: issuedAt,
      nbf: issuedAt,
      exp: issuedAt + lifetime,
      ...usualClaims(kind, issuer),
      ...options.claims,
    };
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm, typ: "JWT", kid: options.unknownKey === true ? randomUUID() : pair.kid })
      .sign(pair.privateKey);
  }

  return {
    kind,
    issuer,
    configured,
    mint,
    keys,
    requests,
    async rotate(old) {
      pairs = [await makePair(algorithm), ...(old === "kept" ? pairs : [])];
    },
    fail(status) {
      broken = status;
    },
    nextJob(options) {
      nextOptions = options;
    },
    async job(options = {}) {
      switch (kind) {
        case "github":
          nextOptions = options;
          return {
            CI: "true",
            GITHUB_ACTIONS: "true",
            ACTIONS_ID_TOKEN_REQUEST_URL: `${origin}/token?api-version=2.0`,
            ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
          };
        case "gitlab":
          return { CI: "true", GITLAB_CI: "true", NPM_ID_TOKEN: await mint(options) };
        case "circleci":
          return { CI: "true", CIRCLECI: "true", NPM_ID_TOKEN: await mint(options) };
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
