/** A server with people, an organisation, and packages that another process made on its database. */
import assert from "node:assert/strict";
import path from "node:path";
import { parsePackageName } from "@assay/core";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { createInstallation, startServer, type Installation, type ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";
import { openTestNames } from "../src/identity/names/test-names.ts";
import type { HostedPackage } from "../src/identity/names/names.ts";
import { createSqliteDatabase } from "../src/platform/database/sqlite.ts";
import { createSystemClock } from "../src/platform/system-clock.ts";

const password = "correct horse battery";

export interface HostedServer extends AsyncDisposable {
  readonly upstream: TestUpstream;
  readonly installation: Installation;
  readonly server: ServerProcess;
  send(method: string, at: string, body?: unknown, token?: string, headers?: object): Promise<RawAnswer>;
  /** Makes an account, and answers its token. */
  join(name: string): Promise<string>;
  /** Makes a package exist, as a publish does, and waits until the server knows. */
  claim(name: string, owner: string, visibility: HostedPackage["visibility"], organisation?: string): Promise<void>;
}

export async function startHostedServer(): Promise<HostedServer> {
  const upstream = await createTestUpstream();
  const installation = await createInstallation();
  // So that a test may ask from many addresses: one alone may show few tokens that are none.
  const env = { ASSAY_TRUSTED_PROXIES: "127.0.0.1" };
  const server = await startServer(installation, { upstream: upstream.url, env });

  const send: HostedServer["send"] = (method, at, body, token, headers = {}) =>
    rawRequest(server.url, at, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  return {
    upstream,
    installation,
    server,
    send,
    async join(name) {
      const document = { name, password, type: "user" };
      const answer = await send("PUT", `/-/user/org.couchdb.user:${name}`, document);
      assert.equal(answer.status, 201, answer.text());
      return answer.json()["token"] as string;
    },
    async claim(name, owner, visibility, organisation) {
      await using database = await createSqliteDatabase({ path: path.join(installation.data, "assay.db") });
      const names = await openTestNames(database);
      const by = { owner, visibility, ...(organisation === undefined ? {} : { organisation }) };
      const claim = { name: parsePackageName(name), ...by };
      await database.write((transaction) => names.claim(transaction, claim));
      await createSystemClock().sleep(2500);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
      await installation[Symbol.asyncDispose]();
    },
  };
}
