/** An OpenID Connect provider for people: one person at a time is signed in there, and leaves when told. */
import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** Who is signed in at the provider. */
export interface ProviderPerson {
  readonly sub: string;
  readonly preferred_username: string;
  readonly email?: string;
  /** As whom Entra ID knows somebody, whichever application asks. */
  readonly oid?: string;
  readonly groups?: readonly string[];
}

export interface OidcProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Who gets a code from now on; of somebody known, what is said of them from now on. */
  signIn(person: ProviderPerson): void;
  /** Their refresh tokens are refused from now on. */
  leave(sub: string): void;
  /** Every request fails with 500 while true. */
  fail(isFailing: boolean): void;
  /** What the next ID tokens say instead. */
  lie(claims: Readonly<Record<string, unknown>>): void;
}

interface Grant {
  readonly person: ProviderPerson;
  readonly challenge: string;
  readonly redirectUri: string;
  readonly nonce: string;
}

/** Code flow with PKCE S256 and rotating refresh tokens. */
export async function createOidcProvider(): Promise<OidcProvider> {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "1", alg: "RS256", use: "sig" };
  const clientId = "assay";
  const clientSecret = randomUUID();
  const codes = new Map<string, Grant>();
  const refresh = new Map<string, ProviderPerson>();
  const gone = new Set<string>();
  const people = new Map<string, ProviderPerson>();
  let person: ProviderPerson | undefined;
  let isFailing = false;
  let lies: Readonly<Record<string, unknown>> = {};

  function idTokenOf(of: ProviderPerson, more: Readonly<Record<string, unknown>>): Promise<string> {
    return new SignJWT({ aud: clientId, ...of, ...more, ...lies })
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .setIssuer(issuer)
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
  }

  async function token(form: URLSearchParams): Promise<Record<string, unknown> | undefined> {
    const rotated = randomUUID();
    const answer = { access_token: randomUUID(), token_type: "Bearer", expires_in: 300, refresh_token: rotated };
    if (form.get("grant_type") === "refresh_token") {
      const shown = form.get("refresh_token") ?? "";
      const holder = refresh.get(shown);
      refresh.delete(shown);
      if (holder === undefined || gone.has(holder.sub)) return undefined;
      refresh.set(rotated, holder);
      return { ...answer, id_token: await idTokenOf(people.get(holder.sub) ?? holder, {}) };
    }
    const grant = codes.get(form.get("code") ?? "");
    codes.delete(form.get("code") ?? "");
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (grant?.challenge !== challenge || grant.redirectUri !== form.get("redirect_uri")) return undefined;
    refresh.set(rotated, grant.person);
    return { ...answer, id_token: await idTokenOf(grant.person, { nonce: grant.nonce }) };
  }

  function authorize(asked: URLSearchParams): string {
    const redirectUri = asked.get("redirect_uri") ?? "";
    const back = new URL(redirectUri);
    const code = randomUUID();
    const challenge = asked.get("code_challenge") ?? "";
    if (person !== undefined) codes.set(code, { person, challenge, redirectUri, nonce: asked.get("nonce") ?? "" });
    back.searchParams.set("code", code);
    back.searchParams.set("state", asked.get("state") ?? "");
    return back.href;
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", issuer);
      if (isFailing) send(500, {});
      else if (url.pathname === "/.well-known/openid-configuration")
        send(200, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          response_types_supported: ["code"],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: ["RS256"],
          code_challenge_methods_supported: ["S256"],
        });
      else if (url.pathname === "/keys") send(200, { keys: [jwk] });
      else if (url.pathname === "/authorize") response.writeHead(302, { location: authorize(url.searchParams) }).end();
      else if (url.pathname === "/token")
        void token(new URLSearchParams(Buffer.concat(chunks).toString())).then(
          (answer) => send(answer === undefined ? 400 : 200, answer ?? { error: "invalid_grant" }),
          () => send(500, {}),
        );
      else send(404, {});
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    issuer,
    clientId,
    clientSecret,
    signIn(who) {
      person = who;
      people.set(who.sub, who);
      gone.delete(who.sub);
    },
    leave: (sub) => void gone.add(sub),
    fail(next) {
      isFailing = next;
    },
    lie(claims) {
      lies = claims;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
