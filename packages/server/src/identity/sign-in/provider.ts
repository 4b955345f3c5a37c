import { AssayError } from "@assay/core";
import type { Configuration, TokenEndpointResponse, TokenEndpointResponseHelpers } from "openid-client";
import type { ProviderConfig } from "../../config/config.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Reader } from "../../platform/database/database.ts";
import type { Random } from "../../platform/random.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { within } from "../doer.ts";
import type { EndAccess } from "../end-access.ts";
import type { Account, Accounts } from "../people/accounts.ts";
import { readByExternalId } from "../scim/store.ts";
import { derivedSecret, digestOf, isSameSecret, newId, newSecret } from "./secrets.ts";
import { insertFlow, linksToCheck, readLink, takeFlow, writeLink, type ProviderLink } from "./store-providers.ts";
import type { Vault } from "./vault.ts";

export interface ProviderDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly vault: Vault;
  readonly accounts: Accounts;
  readonly endAccess: EndAccess;
  /** Makes somebody's memberships what the groups say, as far as they came from us. */
  readonly applyGroups: (source: string, person: string, groups: readonly string[]) => Promise<void>;
}

/** Signing in through an OpenID Connect provider: code, PKCE, state and nonce. */
export interface Provider {
  /** As people are shown it. */
  readonly name: string;
  /** Where the browser goes. `browser` binds the way back to this browser; `account`: who links an own account. */
  begin(
    base: string,
    from: { readonly browser: string; readonly next: string; readonly account: string | undefined },
  ): Promise<string>;
  /**
   * Who came back. Throws UNAUTHORIZED for what the provider did not say to this browser, FORBIDDEN for who is disabled
   * here, CONFLICT where a new account would need a name that is taken.
   */
  finish(
    base: string,
    url: URL,
    browser: string,
  ): Promise<{ readonly account: string; readonly link: string; readonly next: string }>;
  /** Asks again and again who is still there; who is not loses sessions and tokens and is disabled. Until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

const flowMs = 10 * 60_000;
const roundMs = 30_000;
const atOnce = 50;

export function createProvider(
  deps: ProviderDeps,
  options: ProviderConfig & { readonly clientSecret: string },
): Provider {
  const { database, clock, random, vault, accounts, telemetry } = deps;
  const { issuer, clientId, clientSecret, scopes, recheckMinutes, groupsClaim, scimClaim } = options;
  // Loaded when somebody signs in, or is asked about.
  const library = () => import("openid-client");
  let known: Promise<Configuration> | undefined;
  const refused = (cause?: unknown): AssayError =>
    new AssayError("UNAUTHORIZED", { reason: "the provider did not say who you are; begin again" }, { cause });

  /** Read once; a failure is tried again at the next use. */
  async function configuration(): Promise<Configuration> {
    const { discovery, allowInsecureRequests } = await library();
    const execute = issuer.startsWith("http:") ? [allowInsecureRequests] : [];
    known ??= discovery(new URL(issuer), clientId, clientSecret, undefined, { execute, timeout: 10 });
    return known.catch((cause: unknown) => {
      known = undefined;
      throw new AssayError("NOT_READY", { reason: "the provider cannot be reached", retryAfterSeconds: 30 }, { cause });
    });
  }

  /** As it stands in the audit trail. */
  const us = `provider:${issuer}`;
  const useOf = (link: Pick<ProviderLink, "id">): string => `refresh token ${link.id}`;

  /** What SCIM calls somebody. */
  function externalIdIn(claims: Readonly<Record<string, unknown>>): string | null {
    const said = claims[scimClaim];
    return typeof said === "string" ? said : null;
  }

  /** Whom SCIM brought has an account that waits for them, and no other. */
  async function accountByScim(reader: Reader, externalId: string | null): Promise<string | undefined> {
    return externalId === null ? undefined : (await readByExternalId(reader, issuer, externalId))?.account;
  }

  async function accountFor(
    subject: string,
    claims: Readonly<Record<string, unknown>>,
    linking: string | null,
    refreshToken: string,
  ): Promise<ProviderLink> {
    const old = await readLink(database.read, issuer, subject);
    if (old !== undefined && linking !== null && old.account !== linking)
      throw new AssayError("CONFLICT", { reason: "that person of the provider has another account here" });
    const id = old?.id ?? newId(random);
    const external_id = externalIdIn(claims);
    const waiting = await accountByScim(database.read, external_id);
    const account = old?.account ?? linking ?? waiting ?? nameIn(claims);
    const link: ProviderLink = {
      id,
      issuer,
      subject,
      account,
      refresh_token: vault.seal(Buffer.from(refreshToken), useOf({ id })),
      state: "here",
      checked_at_ms: clock.now(),
      external_id,
    };
    // A name that is taken is refused here: an account is never found by what the provider calls somebody.
    const isNew = old === undefined && linking === null && waiting === undefined;
    const create = isNew ? await accounts.prepare(us, newPerson(account, claims)) : undefined;
    // Only what the provider did is undone by coming back there; whom somebody here disabled stays so.
    const isOurs = ({ disabledBy }: Account): boolean => disabledBy === us;
    const standing = await accounts.find(account);
    if (old?.state === "left" && standing !== undefined && isOurs(standing))
      await accounts.setState(us, account, "active", isOurs);
    await database.write(async (transaction) => {
      if (((await accountByScim(transaction, external_id)) ?? account) !== account)
        throw new AssayError("CONFLICT", { reason: "that person of the provider has another account here" });
      await create?.(transaction);
      await writeLink(transaction, link);
    });
    if ((await accounts.find(account))?.state !== "active")
      throw new AssayError("FORBIDDEN", { reason: "this account is disabled" });
    return link;
  }

  /** What the claims say; with none of that name somebody is in no group. */
  async function applyGroups(account: string, claims: Readonly<Record<string, unknown>>): Promise<void> {
    const said = claims[groupsClaim];
    const groups = Array.isArray(said) ? said.filter((group) => typeof group === "string") : [];
    await deps.applyGroups(us, account, groups);
  }

  /** At a recheck: of the new ID token, else of the provider's endpoint; a provider that has neither says nothing. */
  async function claimsOf(
    config: Configuration,
    answer: TokenEndpointResponse & TokenEndpointResponseHelpers,
    subject: string,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const claims = answer.claims();
    if (claims !== undefined && claims[groupsClaim] !== undefined) return claims;
    if (config.serverMetadata().userinfo_endpoint === undefined) return claims;
    const { fetchUserInfo } = await library();
    return await fetchUserInfo(config, answer.access_token, subject);
  }

  async function left(link: ProviderLink): Promise<void> {
    await database.write(async (transaction) => {
      await deps.endAccess.signOut(within(us, transaction), link.account);
      await writeLink(transaction, { ...link, state: "left", checked_at_ms: clock.now() });
    });
    const isActive = async (): Promise<boolean> => (await accounts.find(link.account))?.state === "active";
    if (!(await isActive())) return;
    try {
      await accounts.setState(us, link.account, "disabled", ({ state }) => state === "active");
    } catch (error) {
      if (await isActive())
        telemetry.log.error("somebody who left the provider is still active here", { account: link.account, error });
    }
  }

  async function check(link: ProviderLink): Promise<void> {
    const { refreshTokenGrant, ResponseBodyError } = await library();
    const config = await configuration();
    try {
      const answer = await refreshTokenGrant(config, vault.open(link.refresh_token, useOf(link)).toString("utf8"));
      const next = answer.refresh_token;
      await database.write((transaction) =>
        writeLink(transaction, {
          ...link,
          checked_at_ms: clock.now(),
          ...(next !== undefined && { refresh_token: vault.seal(Buffer.from(next), useOf(link)) }),
        }),
      );
      const claims = options.groups.length === 0 ? undefined : await claimsOf(config, answer, link.subject);
      if (claims !== undefined) await applyGroups(link.account, claims);
    } catch (error) {
      // Only a clear no is one; a provider that does not answer is asked again.
      if (!(error instanceof ResponseBodyError) || error.error !== "invalid_grant") throw error;
      await left(link);
    }
  }

  return {
    name: new URL(issuer).host,

    async begin(base, { browser, next, account }) {
      const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await library();
      const config = await configuration();
      const state = newSecret(random);
      const flow = {
        digest: digestOf(state),
        browser: digestOf(browser),
        next,
        account: account ?? null,
        expires_at_ms: clock.now() + flowMs,
      };
      await database.write((transaction) => insertFlow(transaction, flow, clock.now()));
      return buildAuthorizationUrl(config, {
        redirect_uri: `${base}/-/web/provider/callback`,
        scope: scopes,
        state,
        nonce: derivedSecret(state, "nonce"),
        code_challenge: await calculatePKCECodeChallenge(derivedSecret(state, "verifier")),
        code_challenge_method: "S256",
      }).href;
    },

    async finish(base, url, browser) {
      const { authorizationCodeGrant } = await library();
      const state = url.searchParams.get("state") ?? "";
      const flow = await database.write((transaction) => takeFlow(transaction, digestOf(state)));
      if (flow === undefined || flow.expires_at_ms <= clock.now() || !isSameSecret(flow.browser, digestOf(browser)))
        throw refused();
      let answer: TokenEndpointResponse & TokenEndpointResponseHelpers;
      try {
        answer = await authorizationCodeGrant(
          await configuration(),
          new URL(`${base}/-/web/provider/callback${url.search}`),
          {
            expectedState: state,
            expectedNonce: derivedSecret(state, "nonce"),
            pkceCodeVerifier: derivedSecret(state, "verifier"),
            idTokenExpected: true,
          },
        );
      } catch (cause) {
        throw refused(cause);
      }
      const claims = answer.claims();
      if (claims === undefined) throw refused();
      if (answer.refresh_token === undefined)
        throw new AssayError("FORBIDDEN", {
          reason: "the provider gives no refresh token, so nobody would notice who leaves (identity.provider.scopes)",
        });
      const link = await accountFor(claims.sub, claims, flow.account, answer.refresh_token);
      if (options.groups.length > 0)
        await applyGroups(link.account, (await claimsOf(await configuration(), answer, claims.sub)) ?? claims);
      return { account: link.account, link: link.id, next: flow.next };
    },

    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(roundMs, signal).catch(() => undefined);
        const beforeMs = clock.now() - recheckMinutes * 60_000 + roundMs;
        const due = signal.aborted ? [] : await linksToCheck(database.read, beforeMs, atOnce);
        for (const link of due)
          await check(link).catch((error: unknown) => {
            telemetry.log.warn("cannot ask the provider who is still there", { "error.message": String(error) });
          });
      }
    },
  };
}

function nameIn(claims: Readonly<Record<string, unknown>>): string {
  const wanted = claims["preferred_username"];
  const name = typeof wanted === "string" ? (wanted.split("@")[0] ?? "").toLowerCase() : "";
  if (name === "") throw new AssayError("BAD_REQUEST", { reason: "the provider gives no preferred_username" });
  return name;
}

function newPerson(name: string, claims: Readonly<Record<string, unknown>>) {
  const email = claims["email"];
  return {
    name,
    kind: "person",
    password: undefined,
    ...(typeof email === "string" && { email }),
  } as const;
}
