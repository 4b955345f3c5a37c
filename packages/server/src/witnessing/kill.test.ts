import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { parseCheckpoint, parseNote, toBase64 } from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyLog, type TinyLog } from "@assay/testkit/tiny-log";
import { askBody, grow, startWitness } from "./test-witness.ts";

const program = join(import.meta.dirname, "test-killed-witness.ts");

async function run(
  t: TestContext,
  folder: string,
  log: TinyLog,
  mode: "live" | "die",
): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [program, folder, log.vkey, mode], { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => child.kill("SIGKILL"));
  for await (const url of createInterface({ input: child.stdout })) return { child, url };
  throw new Error("the witness did not start");
}

async function ask(url: string, body: string): Promise<{ status: number; body: string } | undefined> {
  try {
    const response = await fetch(`${url}/add-checkpoint`, { method: "POST", body });
    return { status: response.status, body: await response.text() };
  } catch {
    return undefined;
  }
}

test("killed between persisting and answering, a witness tells the size and cosigns when it is asked again", async (t) => {
  const folder = tempFolder(t);
  const log = grow(await createTinyLog({}), 100);
  for (const [old, size] of [
    [0, 40],
    [40, 100],
  ] as const) {
    const { child, url } = await run(t, folder, log, "die");
    const exited = once(child, "exit");
    assert.equal(await ask(url, await askBody(log, old, size)), undefined);
    assert.deepEqual(await exited, [null, "SIGKILL"]);
    await using witness = await startWitness(folder, [log]);
    const fork = grow(log.fork(old), size - old, "b");
    // The cosignature that nobody saw counts: another tree of that size is not cosigned.
    assert.equal((await witness.ask(fork, old, size)).body, `${size}\n`);
    assert.equal((await witness.ask(fork, size, size)).status, 422);
    assert.equal((await witness.ask(log, old, size)).body, `${size}\n`);
    assert.equal((await witness.ask(log, size, size)).status, 200);
  }
});

test("kill -9 at any moment takes back nothing that a witness has answered", async (t) => {
  const folder = tempFolder(t);
  const log = grow(await createTinyLog({}), 400);
  const fork = grow(log.fork(1), 399, "b");
  const random = createSeededRandom(5);
  /** Root by size, of what was answered with a cosignature. */
  const answered = new Map<number, string>();
  let old = 0;
  for (let round = 0; round < 4; round += 1) {
    const { child, url } = await run(t, folder, log, "live");
    const exited = once(child, "exit");
    const from = old;
    const killAt = from + 5 + Math.floor(random.fraction() * 60);
    for (let size = from + 1; size <= 400; size += 1) {
      // Both trees ask at once; the kill comes in the middle of it.
      const asks = [log, fork].map(async (tree) => {
        const answer = await ask(url, await askBody(tree, old, size));
        if (answer?.status !== 200) return;
        const { root } = parseCheckpoint(parseNote(await tree.checkpoint(size)).text);
        assert.equal(answered.get(size) ?? toBase64(root), toBase64(root), `two roots were cosigned at ${size}`);
        answered.set(size, toBase64(root));
      });
      if (size === killAt) child.kill("SIGKILL");
      await Promise.all(asks);
      if (size === killAt) break;
      old = Math.max(0, ...answered.keys());
    }
    await exited;
    await using witness = await startWitness(folder, [log]);
    const { body } = await witness.ask(log, 400, 400);
    old = Number(body);
    assert.ok(old >= Math.max(0, ...answered.keys()), `${old} is below what was answered`);
  }
  assert.ok(answered.size > 10);
});
