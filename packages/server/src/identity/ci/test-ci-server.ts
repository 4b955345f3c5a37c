import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { FastifyPluginCallback } from "fastify";
import { createHttpServer, defaultHttpLimits } from "../../http/server.ts";
import { runMigrations } from "../../platform/database/migrate.ts";
import { createSqliteDatabase } from "../../platform/database/sqlite.ts";
import { createSystemClock } from "../../platform/system-clock.ts";
import { createSystemRandom } from "../../platform/system-random.ts";
import { createMetrics } from "../../platform/telemetry/metrics.ts";
import { createPermissions, openPolicySets } from "../permissions/permissions.ts";
import { createTestFacts } from "../permissions/test-facts.ts";
import { identityTestMigrations, password, tokenOf } from "../test-identity.ts";
import { withExclusive } from "./exclusive.ts";
import { ciRoutes } from "./routes.ts";
import { createTestCi } from "./test-ci.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };

/** A server below `/npm`, with the real permissions: olga owns acme, olaf another organisation. */
export async function startTestCiServer(t: TestContext, more: readonly FastifyPluginCallback[] = []) {
  const folder = tempFolder(t);
  const database = await createSqliteDatabase({ path: join(folder, "a.sqlite") });
  t.after(() => database[Symbol.asyncDispose]());
  await runMigrations({ database, clock: createFakeClock() }, identityTestMigrations);
  const policies = await openPolicySets({ read: "anyone", folder: join(folder, "policies"), installation: folder });
  const { names, facts } = createTestFacts();
  const plain = createPermissions(
    {
      names,
      facts: { ...facts, ci: (id) => made.ci.factsOf(id) },
      policies,
      telemetry: { log: { ...log } },
    },
    { read: "anyone" },
  );
  const permissions = withExclusive(plain, { database, names });
  const made = await createTestCi(database, { permissions });
  t.after(() => made[Symbol.asyncDispose]());
  const { identity, ci } = made;
  const tokens = new Map<string, string>();
  for (const name of ["olga", "olaf", "otto"]) {
    await identity.accounts.create("person:root", { name, kind: "person", password });
    tokens.set(name, await tokenOf(identity, name));
  }
  let confirmed = 0;

  /** What a person does who is told where to prove that it is there; answers what the client sends then. */
  async function prove(account: string, { authUrl, doneUrl }: { authUrl: string; doneUrl: string }): Promise<string> {
    const last = (url: string): string => url.split("/").at(-1) ?? "";
    assert.equal(await identity.signIn.stepUps.decide(last(authUrl), account, "confirmed"), true);
    const collected = await identity.signIn.stepUps.collect(last(doneUrl));
    assert.ok(typeof collected === "object");
    confirmed += 1;
    return collected.token;
  }

  const server = await createHttpServer(
    {
      clock: createSystemClock(),
      random: createSystemRandom(),
      telemetry: { log, metrics: createMetrics({ processMetrics: false }) },
      accessLog: undefined,
      renderErrorPage: ({ sentence }) => sentence,
      readMoreUrl: () => undefined,
    },
    {
      publicUrls: ["http://127.0.0.1:0/npm"],
      trustedProxies: [],
      routes: [
        ciRoutes({
          identity: { ...identity, ci },
          issuers: made.issuers,
          publicUrls: [],
          random: createSystemRandom(),
        }),
        ...more,
      ],
      readiness: [],
      limits: defaultHttpLimits,
    },
  );
  t.after(() => server[Symbol.asyncDispose]());
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const origin = `http://127.0.0.1:${port}`;
  async function send(method: string, path: string, as: string | undefined, body: unknown, otp?: string) {
    const response = await fetch(`${origin}${path}`, {
      method,
      redirect: "manual",
      headers: {
        ...(as === undefined ? {} : { authorization: `Bearer ${tokens.get(as) ?? as}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(otp === undefined ? {} : { "npm-otp": otp }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    const json = isJson ? (JSON.parse(text) as unknown) : undefined;
    return { status: response.status, headers: response.headers, text, json };
  }

  /** As a client whose person confirms what it is asked to. */
  async function ask(method: string, path: string, as?: string, body?: unknown) {
    const answer = await send(method, path, as, body);
    const wanted = answer.json as { authUrl?: string; doneUrl?: string } | undefined;
    if (wanted?.authUrl === undefined || wanted.doneUrl === undefined || as === undefined) return answer;
    return await send(method, path, as, body, await prove(as, { authUrl: wanted.authUrl, doneUrl: wanted.doneUrl }));
  }
  return { ...made, permissions, ask, send, origin, confirmations: () => confirmed, tokens };
}
