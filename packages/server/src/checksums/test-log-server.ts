import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { AssayError, noWitnesses } from "@assay/core";
import type { PackageName, Version } from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createHttpServer, defaultHttpLimits } from "../http/server.ts";
import { runMigrations } from "../platform/database/migrate.ts";
import { createSqliteDatabase } from "../platform/database/sqlite.ts";
import type { LogAccess } from "./readers.ts";
import { logRoutes } from "./routes.ts";
import { bindFacts, createTestLog, logMigrations } from "./test-log.ts";

export interface LogServerOptions {
  readonly readers?: "anyone" | "nobody";
  readonly hostedTiles?: "readers" | "anyone";
  readonly visibility?: "private" | "public";
  /** Prepares the log before the room is opened for serving. */
  readonly prepare?: (log: Awaited<ReturnType<typeof createTestLog>>) => Promise<unknown>;
}

/** `@acme/…` and `@umbrella/…` live here; the name of an organisation is the token of its members. */
function organisationOf(name: PackageName): string | undefined {
  return /^@(acme|umbrella)\//.exec(name)?.[1];
}

/** A token that is none. */
export const badToken = "bad";

const requireGood: LogAccess["requireGood"] = async ({ bearer }) => {
  if (bearer === badToken) throw new AssayError("UNAUTHORIZED", { reason: "the token is not known here" });
};

/** A server of `/-/log/…` over a log that is being sequenced; version 1.0.<n> of bindFacts(n) is admitted for n < 100. */
export async function serve(
  t: TestContext,
  { readers = "anyone", visibility = "private", hostedTiles = "readers", prepare }: LogServerOptions = {},
) {
  const folder = tempFolder(t);
  const database = await createSqliteDatabase({ path: `${folder}/db` });
  await runMigrations({ database, clock: createFakeClock() }, logMigrations);
  const log = await createTestLog({ database, folder, config: { visibility }, organisationOf });
  await prepare?.(log);
  const checksums = await log.open();
  const stop = new AbortController();
  const running = checksums.run(stop.signal);
  const admitted: string[] = [];
  const admit = async (name: PackageName, version: Version) => {
    const number = Number(version.split(".")[2]);
    if (number === 99)
      throw new AssayError("UPSTREAM_UNAVAILABLE", { source: "npm", reason: "down", retryAfterSeconds: 7 });
    if (number > 99 || bindFacts(number).name !== name)
      throw new AssayError("NOT_FOUND", { what: `${name}@${version}` });
    admitted.push(`${name}@${version}`);
    await database.write((transaction) => checksums.claimBind(transaction, bindFacts(number)));
  };
  const server = await createHttpServer(
    { ...log.deps, accessLog: undefined, renderErrorPage: () => "", readMoreUrl: () => undefined },
    {
      publicUrls: ["http://127.0.0.1:0"],
      trustedProxies: [],
      routes: [
        logRoutes({
          checksums,
          admit,
          access: {
            readers,
            hostedTiles,
            requireGood,
            mayReadHosted: async (credentials, organisation) => {
              await requireGood(credentials);
              return credentials.bearer !== undefined && credentials.bearer === organisation;
            },
          },
          clock: log.deps.clock,
          witnesses: noWitnesses,
        }),
      ],
      readiness: [],
      limits: defaultHttpLimits,
    },
  );
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await server[Symbol.asyncDispose]();
    stop.abort();
    await running;
    await database[Symbol.asyncDispose]();
  });
  const base = `http://127.0.0.1:${port}`;
  const get = (path: string, init?: RequestInit) => fetch(base + path, init);
  const post = (path: string, body: unknown) =>
    get(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const [newest] = checksums.logs.list();
  assert.ok(newest);
  return { base, get, post, admitted, log, checksums, shard: newest.shard, newest };
}
