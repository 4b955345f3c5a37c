/** What people do is written down, anchored in the log, exported, and any change of it is found. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  createInstallation,
  runAssay,
  startServer,
  type CommandResult,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";
import type { AuditEntry } from "../src/insight/insight.ts";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

const assay = (...args: readonly string[]): Promise<CommandResult> =>
  runAssay(installation, ["audit", ...args, `--data=${installation.data}`], installation.home, {
    ASSAY_UPSTREAM: upstream.url,
  });
const start = async () => (server = await startServer(installation, { upstream: upstream.url }));
const database = () => new DatabaseSync(path.join(installation.data, "assay.db"));

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  await start();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await installation?.[Symbol.asyncDispose]();
});

interface Verified {
  readonly ok: boolean;
  readonly acts: number;
  readonly anchored: number;
  readonly problems: readonly string[];
}

async function verify(...args: readonly string[]): Promise<Verified> {
  const { stdout, stderr } = await assay("verify", "--json", ...args);
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Verified;
}

/** Until the log has a record that covers this act. */
async function untilAnchored(act: number): Promise<number> {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const { anchored, problems } = await verify();
    assert.deepEqual(problems, []);
    if (anchored >= act) return anchored;
    await sleep(250);
  }
  throw new Error("the trail was not anchored");
}

test("acts are in the trail, the trail is in the log, and an export is checked against it", async () => {
  const made = await fetch(`${server.url}/-/user/org.couchdb.user:ada`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "ada", password: "correct horse battery", email: "ada@example.com" }),
  });
  assert.equal(made.status, 201, await made.text());
  // Anchored at a start at the latest.
  await server[Symbol.asyncDispose]();
  await start();
  const exported = path.join(installation.home, "trail.jsonl");
  const { exitCode, stderr } = await assay("export", "--out", exported);
  assert.equal(exitCode, 0, stderr);
  const lines = (await readFile(exported, "utf8")).trimEnd().split("\n");
  const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind);
  assert.ok(kinds.includes("account.created") && kinds.includes("token.created"), kinds.join(" "));
  const withoutPlace = lines
    .map((line) => JSON.parse(line) as AuditEntry)
    .filter(({ act }) => act?.who.startsWith("person:") === true && act.address === "");
  assert.deepEqual(withoutPlace, []);
  const anchored = await untilAnchored(kinds.indexOf("token.created") + 1);
  await assay("export", "--out", exported);
  assert.deepEqual((await verify("--file", exported)).problems, []);
  const all = await readFile(exported, "utf8");
  await writeFile(exported, all.replace("ada", "eve"));
  assert.equal((await verify("--file", exported)).ok, false);
  await writeFile(
    exported,
    all
      .split("\n")
      .slice(0, anchored - 1)
      .join("\n"),
  );
  assert.match((await verify("--file", exported)).problems.join(), /the trail ends after/);
});

test("a row that somebody changed in the database is found", async () => {
  await server[Symbol.asyncDispose]();
  using file = database() as DatabaseSync & Disposable;
  const before = file.prepare("select subject from audit_entries where seq = 1").get() as { subject: string };
  file.prepare("update audit_entries set subject = 'user eve' where seq = 1").run();
  const found = await verify();
  assert.equal(found.ok, false);
  assert.match(found.problems.join(), /Act 1 is not what it was/);
  file.prepare("update audit_entries set subject = ? where seq = 1").run(before.subject);
  assert.equal((await verify()).ok, true);
});
