import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { tilePath, tilesAt } from "@assay/core";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { emptyFolder, runAssay } from "./run-assay.ts";

const bin = fileURLToPath(new URL("../bin/assay.mjs", import.meta.url));

test("assay log mirror survives kill -9 at any moment: the next run completes the copy", async (context) => {
  const log = await createTinyLog({});
  for (let i = 0; i < 20_000; i += 1) log.append(`assay/v1 note\nn ${i}\n`);
  await using server = await startTinyLogServer(log);
  const folder = await emptyFolder(context);
  const args = ["log", "mirror", server.url, "--trust", log.vkey, "--to", "copy"];
  const copy = join(folder, "copy", "-", "log", "npm-2026a");
  for (let kills = 0, seen = 0; kills < 4; kills += 1) {
    const child = spawn(process.execPath, [bin, ...args], { cwd: folder, env: { HOME: folder }, stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const bundles = async (): Promise<number> =>
      (await readdir(join(copy, "tile", "entries")).catch(() => [])).filter((name) => /^\d{3}$/.test(name)).length;
    while ((await bundles()) < seen + 8 && child.exitCode === null) await delay(2);
    child.kill("SIGKILL");
    await ended;
    seen = await bundles();
    assert.ok(!existsSync(join(copy, "checkpoint")), "nothing is shown before all of it is there");
  }
  const done = await runAssay(folder, [...args, "--json"]);
  assert.equal(done.code, 0, done.stderr);
  const { shards } = JSON.parse(done.stdout) as { shards: { size: number; origin: string }[] };
  assert.deepEqual(
    shards.map(({ size, origin }) => [size, origin]),
    [[20_000, log.origin]],
  );
  for (const tile of [...tilesAt(20_000), ...tilesAt(20_000, "entries")]) {
    const path = tilePath(tile);
    assert.ok((await readFile(join(copy, path))).equals(Buffer.from(log.tile(path) ?? [])), path);
  }
  const fetched = server.requests.filter((path) => /tile\/entries\/000$/.test(path)).length;
  assert.equal(fetched, 1, "what was there was not fetched again");
});

test("a fork ends it with exit code 1 and evidence, and the copy stays; wrong use exits 2", async (context) => {
  const log = await createTinyLog({});
  for (let i = 0; i < 300; i += 1) log.bind(`a${i}`, "1.0.0", integrityOf("a"));
  await using server = await startTinyLogServer(log);
  const folder = await emptyFolder(context);
  const run = (...more: string[]) =>
    runAssay(folder, ["log", "mirror", server.url, "--trust", log.vkey, "--to", "copy", ...more]);
  const first = await run();
  assert.deepEqual([first.code, first.stderr], [0, ""]);
  assert.match(first.stdout, /^log\.example\.com\/-\/log\/npm-2026a: 300 entries, 300 new \(-\/log\/npm-2026a\)$/m);
  assert.match((await run()).stdout, /300 entries, nothing new/);
  const fork = log.fork(200);
  while (fork.size() < 400) fork.bind(`b${fork.size()}`, "1.0.0", integrityOf("b"));
  server.log = fork;
  const forked = await run("--json");
  assert.equal(forked.code, 1);
  const { error } = JSON.parse(forked.stdout) as { error: { code: string; evidence: { kind: string } } };
  assert.deepEqual([error.code, error.evidence.kind], ["MISBEHAVIOUR", "fork"]);
  const note = await readFile(join(folder, "copy", "-", "log", "npm-2026a", "checkpoint"), "utf8");
  assert.equal(note, await log.checkpoint());
  assert.equal((await run("--max-age", "24h")).code, 2);
  assert.equal((await runAssay(folder, ["log", "mirror", "file:///x", "--trust", log.vkey, "--to", "c"])).code, 2);
});
