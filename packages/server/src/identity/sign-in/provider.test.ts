import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isAssayError, type EpochMs } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createOidcProvider } from "@assay/testkit/oidc-provider";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { createLogger } from "../../platform/telemetry/logger.ts";
import { createMetrics } from "../../platform/telemetry/metrics.ts";
import { createTestIdentity, identityTestMigrations, password, showing, tokenOf } from "../test-identity.ts";
import type { Accounts } from "../people/accounts.ts";
import { createProvider } from "./provider.ts";
import type { SignInTables } from "./tables.ts";
import { createVault } from "./vault.ts";

const base = "http://localhost:4873";
const place = { secret: undefined, place: { address: "192.0.2.1", agent: "Browser/1" } };

onEveryDatabase("signing in through a provider", ({ fresh }) => {
  type Opened = Awaited<ReturnType<typeof open>>;
  const opened: AsyncDisposable[] = [];
  after(async () => {
    for (const each of opened) await each[Symbol.asyncDispose]();
  });

  /** `found` is called when an account was looked up, before that is answered. */
  const open = async (found: (accounts: Accounts) => Promise<void> = async () => {}) => {
    const there = await createOidcProvider();
    opened.push(there);
    const database = await fresh(...identityTestMigrations);
    const { identity, clock } = createTestIdentity(database);
    const random = createSeededRandom(7);
    const groups = [{ group: "platform", organisation: "acme", team: "ui" }];
    const applied: (readonly [string, readonly string[]])[] = [];
    const applyGroups = async (_source: string, person: string, said: readonly string[]): Promise<void> => {
      applied.push([person, said]);
    };
    const telemetry = {
      log: createLogger({ clock, write: () => undefined }, { level: "error", format: "json" }),
      metrics: createMetrics({ processMetrics: false }),
    };
    const provider = createProvider(
      {
        database,
        clock,
        random,
        telemetry,
        vault: createVault({ random }, new Uint8Array(32)),
        ...identity,
        accounts: {
          ...identity.accounts,
          async find(name) {
            const account = await identity.accounts.find(name);
            await found(identity.accounts);
            return account;
          },
        },
        applyGroups,
      },
      { ...there, scopes: "openid", recheckMinutes: 5, groupsClaim: "groups", groups, scimClaim: "sub", scim: true },
    );
    /** To the provider and back, as a browser goes. */
    const walk = async (account?: string, browser = "b1", backTo = browser) => {
      const location = await provider.begin(base, { browser, next: "/-/web/me", account });
      const answer = await fetch(location, { redirect: "manual" });
      const back = new URL(answer.headers.get("location") ?? "");
      return { back, finish: () => provider.finish(base, back, backTo) };
    };
    return { there, database, identity, clock, provider, walk, applied };
  };
  /** Six minutes in which the provider is asked who is still there. */
  const recheck = async ({ provider, clock }: Pick<Opened, "provider" | "clock">): Promise<void> => {
    const stop = new AbortController();
    const running = provider.run(stop.signal);
    for (let half = 0; half < 12; half += 1) {
      await clock.untilSleepers(1);
      await clock.advance(30_000);
    }
    await clock.untilSleepers(1);
    stop.abort();
    await running;
  };
  const is = (code: "UNAUTHORIZED" | "CONFLICT" | "FORBIDDEN") => (error: unknown) => isAssayError(error, code);

  test("a person of the provider gets an account, the same at the next time, whatever it is called then", async () => {
    const { there, walk, identity } = await open();
    there.signIn({ sub: "1", preferred_username: "Grace@example.com", email: "grace@example.com" });
    const first = await (await walk()).finish();
    assert.equal(first.account, "grace");
    there.signIn({ sub: "1", preferred_username: "renamed" });
    assert.equal((await (await walk()).finish()).account, "grace");
    assert.equal(await identity.accounts.find("renamed"), undefined);
  });

  test("nobody gets an account by its name or e-mail address; its person links it, signed in", async () => {
    const { there, walk, identity } = await open();
    await identity.accounts.create("x", { name: "ada", kind: "person", password, email: "ada@example.com" });
    there.signIn({ sub: "2", preferred_username: "ada", email: "ada@example.com" });
    await assert.rejects((await walk()).finish(), is("CONFLICT"));
    assert.equal((await (await walk("ada")).finish()).account, "ada");
    assert.equal((await (await walk()).finish()).account, "ada");
    await identity.accounts.create("x", { name: "bob", kind: "person", password });
    await assert.rejects((await walk("bob")).finish(), is("CONFLICT"), "linked to ada already");
  });

  test("what comes back counts once, in the browser that went, with the nonce that it went with", async () => {
    const { there, walk, provider, clock } = await open();
    there.signIn({ sub: "3", preferred_username: "carol" });
    const once = await walk();
    await once.finish();
    await assert.rejects(once.finish(), is("UNAUTHORIZED"));
    await assert.rejects((await walk(undefined, "b1", "b2")).finish(), is("UNAUTHORIZED"));
    const { back } = await walk();
    back.searchParams.set("state", "x".repeat(43));
    await assert.rejects(provider.finish(base, back, "b1"), is("UNAUTHORIZED"));
    for (const lie of [{ nonce: "another" }, { aud: "another" }]) {
      there.lie(lie);
      await assert.rejects((await walk()).finish(), is("UNAUTHORIZED"), JSON.stringify(lie));
    }
    there.lie({});
    const late = await walk();
    await clock.advance(10 * 60_000);
    await assert.rejects(late.finish(), is("UNAUTHORIZED"));
  });

  test("who leaves the provider loses sessions, tokens and the account in minutes; an outage costs nobody anything", async () => {
    const { there, walk, provider, clock, identity, database } = await open();
    there.signIn({ sub: "4", preferred_username: "dora" });
    const { account, link } = await (await walk()).finish();
    const { secret: session } = await identity.signIn.begin(account, { isComplete: true, link }, place);
    const bearer = await tokenOf(identity, "dora", { expiresAtMs: (clock.now() + 86_400_000) as EpochMs });
    const stop = new AbortController();
    const running = provider.run(stop.signal);
    const pass = async (minutes: number): Promise<void> => {
      for (let half = 0; half < minutes * 2; half += 1) {
        await clock.untilSleepers(1);
        await clock.advance(30_000);
      }
      await clock.untilSleepers(1);
    };
    const who = async () => (await identity.authenticate(showing({ session }))).name;
    await pass(6);
    assert.equal(await who(), "dora");
    there.fail(true);
    await pass(6);
    assert.equal(await who(), "dora", "the provider does not answer");
    there.fail(false);
    there.leave("4");
    await pass(6);
    assert.equal(await who(), "");
    await assert.rejects(identity.authenticate(showing({ bearer })), is("UNAUTHORIZED"));
    assert.equal((await identity.accounts.find("dora"))?.state, "disabled");
    stop.abort();
    await running;
    there.signIn({ sub: "4", preferred_username: "dora" });
    await (await walk()).finish();
    assert.equal((await identity.accounts.find("dora"))?.state, "active", "back again");
    await identity.accounts.setState("x", "dora", "disabled");
    await assert.rejects((await walk()).finish(), is("FORBIDDEN"), "whom an administrator disabled stays so");
    const stored = JSON.stringify(
      await database.read.withTables<SignInTables>().selectFrom("provider_links").select("refresh_token").execute(),
    );
    assert.ok(!/[0-9a-f]{8}-[0-9a-f]{4}-/.test(stored), "refresh tokens are sealed");
  });

  test("whom somebody disables while the provider is asked stays so", async () => {
    let between = async (_accounts: Accounts): Promise<void> => {};
    const { there, walk, provider, clock, identity } = await open((accounts) => between(accounts));
    const disable = async (accounts: Accounts): Promise<void> => {
      between = async () => {};
      await accounts.setState("scim:x", "dora", "disabled");
    };
    const leave = async (): Promise<void> => {
      there.leave("8");
      await recheck({ provider, clock });
    };
    const disabledBy = async () => (await identity.accounts.find("dora"))?.disabledBy;
    there.signIn({ sub: "8", preferred_username: "dora" });
    await (await walk()).finish();
    between = disable;
    await leave();
    assert.equal(await disabledBy(), "scim:x", "the provider disables nobody twice");

    await identity.accounts.setState("scim:x", "dora", "active");
    there.signIn({ sub: "8", preferred_username: "dora" });
    await (await walk()).finish();
    await leave();
    assert.match((await disabledBy()) ?? "", /^provider:/);
    there.signIn({ sub: "8", preferred_username: "dora" });
    between = disable;
    await assert.rejects((await walk()).finish(), is("CONFLICT"));
    assert.equal(await disabledBy(), "scim:x");
  });

  test("what groups somebody is in is asked at every sign-in and recheck; who is in none is in none here", async () => {
    const { there, walk, provider, clock, applied } = await open();
    const erin = { sub: "6", preferred_username: "erin" };
    there.signIn({ ...erin, groups: ["platform", "others"] });
    await (await walk()).finish();
    there.signIn({ ...erin, groups: ["others"] });
    await recheck({ provider, clock });
    there.signIn(erin);
    await (await walk()).finish();
    assert.deepEqual(applied.at(0), ["erin", ["platform", "others"]]);
    assert.deepEqual(applied.at(1), ["erin", ["others"]]);
    assert.deepEqual(applied.at(-1), ["erin", []]);
  });

  test("whom somebody here disabled does not come back by leaving the provider and returning to it", async () => {
    const { there, identity, clock, provider, walk } = await open();
    there.signIn({ sub: "5", preferred_username: "mallory" });
    await (await walk()).finish();
    await identity.accounts.setState("person:ada", "mallory", "disabled");
    there.leave("5");
    await recheck({ provider, clock });
    there.signIn({ sub: "5", preferred_username: "mallory" });
    await assert.rejects((await walk()).finish(), is("FORBIDDEN"));
    const mallory = await identity.accounts.find("mallory");
    assert.deepEqual([mallory?.state, mallory?.disabledBy], ["disabled", "person:ada"]);
  });
});
