import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import {
  integrityFromSha512,
  parsePackageName,
  parseVersion,
  registryKeyId,
  type RegistryKey,
  type SignedRelease,
} from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { createRegistrySigner } from "@assay/testkit/registry-signer";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { Database } from "../platform/database/database.ts";
import { createSystemRandom } from "../platform/system-random.ts";
import { createRegistrySigning, ownOwner, signingMigrations } from "./signing.ts";
import { verifyRegistrySignatureSync } from "./verify-registry-signature.ts";

const name = parsePackageName("@s/left");
const release = (version: string, letter = "a"): SignedRelease => ({
  name,
  version: parseVersion(version),
  integrity: integrityFromSha512(Buffer.alloc(64, letter)),
});

/** A key as an upstream lists it. */
const upstreamKey = (keyid?: string, expiresMs?: number): RegistryKey =>
  createRegistrySigner({ ...(keyid === undefined ? {} : { keyid }), ...(expiresMs === undefined ? {} : { expiresMs }) })
    .key;

function setUp(t: TestContext, database: Database) {
  const clock = createFakeClock();
  const keyFolder = join(tempFolder(t), "keys");
  const told: string[] = [];
  const lines: string[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (line: string) => void lines.push(line) };
  const open = (folder = keyFolder) =>
    createRegistrySigning(
      {
        database,
        clock,
        random: createSystemRandom(),
        telemetry: { log },
        // A transaction may run more than once: what counts is what was committed.
        announce: async (transaction, change, { owner, keyid }) =>
          transaction.afterCommit(() => void told.push(`${change} ${owner} ${keyid}`)),
      },
      { keyFolder: folder },
    );
  return { clock, keyFolder, told, lines, open, database };
}

onEveryDatabase("registry keys and signatures", (databases) => {
  const rooms = async (t: TestContext) => setUp(t, await databases.fresh(signingMigrations));

  describe("our key", () => {
    test("is made once, for its owner's eyes only, announced, and used ever after", async (t) => {
      const { keyFolder, told, open } = await rooms(t);
      const signing = await open();
      const [key, ...others] = signing.ring.list();
      assert.ok(key);
      assert.deepEqual(others, []);
      assert.equal(key.owner, ownOwner);
      assert.equal(key.keyid, registryKeyId(key.publicKey));
      const [file = ""] = readdirSync(keyFolder);
      assert.equal(statSync(join(keyFolder, file)).mode & 0o777, 0o600);
      assert.equal((await open()).ring.list()[0]?.keyid, key.keyid);
      assert.deepEqual(told, [`added ${ownOwner} ${key.keyid}`]);
      assert.equal(readdirSync(keyFolder).length, 1);
    });

    test("is one for all processes that start at once", async (t) => {
      const { told, open } = await rooms(t);
      const all = await Promise.all(Array.from({ length: 8 }, () => open()));
      const keyids = all.map((signing) => signing.ring.list().map(({ keyid }) => keyid));
      assert.equal(new Set(keyids.flat()).size, 1);
      assert.equal(told.filter((line) => line.startsWith("added")).length, 1);
      for (const signing of all) signing.ready();
    });

    test("that is missing, open to others or damaged is refused by name and never replaced", async (t) => {
      const { keyFolder, open, database } = await rooms(t);
      await open();
      const path = join(keyFolder, readdirSync(keyFolder)[0] ?? "");
      const good = readFileSync(path, "utf8");
      const refusal = async () => {
        const signing = await open();
        await assert.rejects(
          database.write((transaction) => signing.sign(transaction, [release("1.0.0")])),
          { code: "CONFIG" },
        );
        let message = "";
        assert.throws(
          () => signing.ready(),
          (error: Error) => {
            message = `${error.message}${error.stack}`;
            return error.message.includes(path);
          },
        );
        assert.ok(!message.includes(good.split("\n")[1] ?? "?"), "the key is not shown");
        return message;
      };
      chmodSync(path, 0o640);
      assert.match(await refusal(), /open to group or others/);
      chmodSync(path, 0o600);
      const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
      writeFileSync(path, other.export({ format: "pem", type: "pkcs8" }));
      assert.match(await refusal(), /does not hold the key of its name/);
      writeFileSync(path, good.slice(0, -40));
      assert.match(await refusal(), /does not hold the key of its name/);
      rmSync(path);
      assert.match(await refusal(), /is missing; put the file back from a backup/);
      assert.deepEqual(readdirSync(keyFolder), []);
      writeFileSync(path, good, { mode: 0o600 });
      (await open()).ready();
    });

    test("rotates: the new one signs at once, the old one ends a minute later and stays listed", async (t) => {
      const { clock, told, open, database } = await rooms(t);
      const signing = await open();
      const other = await open();
      const [before] = signing.ring.list();
      assert.ok(before);
      const { added, retired } = await signing.rotate();
      assert.deepEqual(retired, [before.keyid]);
      assert.deepEqual(told.slice(1), [`added ${ownOwner} ${added}`, `retired ${ownOwner} ${before.keyid}`]);
      await database.write((transaction) => signing.sign(transaction, [release("1.0.0")]));
      const signed = async (version: string) => {
        const found = await signing.signaturesFor(name, [release(version)]);
        return found.get(parseVersion(version))?.keyid;
      };
      assert.equal(await signed("1.0.0"), added);
      // A process that has not noticed yet signs with the old key, while that is good.
      await database.write((transaction) => other.sign(transaction, [release("2.0.0")]));
      assert.equal(await signed("2.0.0"), before.keyid);
      await clock.advance(60_000);
      await assert.rejects(
        database.write((transaction) => other.sign(transaction, [release("3.0.0")])),
        { code: "NOT_READY" },
      );
      const stop = new AbortController();
      const running = other.run(stop.signal);
      await clock.untilSleepers(1);
      await clock.advance(1000);
      await clock.untilSleepers(1);
      assert.equal(other.ring.list().length, 2);
      stop.abort();
      await running;
      await database.write((transaction) => other.sign(transaction, [release("3.0.0")]));
      assert.equal(await signed("3.0.0"), added);
      assert.equal(signing.ring.find(ownOwner, before.keyid)?.end, "retired");
      assert.equal((await open()).ring.list().length, 2);
    });

    test("can be made anew where its file is lost", async (t) => {
      const { keyFolder, open } = await rooms(t);
      await open();
      rmSync(keyFolder, { recursive: true });
      const signing = await open();
      assert.throws(() => signing.ready(), /is missing/);
      await signing.rotate();
      signing.ready();
    });
  });

  describe("our signature", () => {
    test("verifies with our key, and is made once for a release", async (t) => {
      const { clock, open, database } = await rooms(t);
      const signing = await open();
      const [key] = signing.ring.list();
      for (let again = 0; again < 2; again++)
        await database.write((transaction) => signing.sign(transaction, [release("1.0.0"), release("1.1.0")]));
      const first = await signing.signaturesFor(name, [release("1.0.0"), release("1.1.0")]);
      assert.deepEqual([...first.keys()], ["1.0.0", "1.1.0"]);
      for (const [version, signature] of first)
        assert.equal(verifyRegistrySignatureSync(release(version), signature, key, clock.now()), "good");
      const elsewhere = await (await open()).signaturesFor(name, [release("1.0.0"), release("1.1.0")]);
      assert.deepEqual(elsewhere, first, "the same on every node");
    });

    test("is not there when the transaction that binds is undone", async (t) => {
      const { open, database } = await rooms(t);
      const signing = await open();
      const undone = database.write(async (transaction) => {
        await signing.sign(transaction, [release("1.0.0")]);
        throw new Error("undone");
      });
      await assert.rejects(undone, /undone/);
      const rows = await database.read
        .withTables<{ release_signatures: { version: string } }>()
        .selectFrom("release_signatures")
        .select("version")
        .execute();
      assert.deepEqual(rows, []);
    });

    test("is made on sight for releases bound before, and for other bytes when a bind is superseded", async (t) => {
      const { open } = await rooms(t);
      const signing = await open();
      const many = Array.from({ length: 1200 }, (_, minor) => release(`1.${minor}.0`));
      const [one, two] = await Promise.all([signing.signaturesFor(name, many), signing.signaturesFor(name, many)]);
      assert.equal(one.size, 1200);
      assert.deepEqual(one, two, "two who look at once see the same");
      const other = await signing.signaturesFor(name, [release("1.0.0", "b")]);
      assert.notDeepEqual(other.get(parseVersion("1.0.0")), one.get(parseVersion("1.0.0")));
      const again = await signing.signaturesFor(name, [release("1.0.0")]);
      assert.deepEqual(again.get(parseVersion("1.0.0")), one.get(parseVersion("1.0.0")));
    });

    test("that cannot be made is logged, and the release goes without", async (t) => {
      const { keyFolder, lines, open } = await rooms(t);
      await open();
      rmSync(keyFolder, { recursive: true });
      const found = await (await open()).signaturesFor(name, [release("1.0.0")]);
      assert.equal(found.size, 0);
      assert.match(lines.join(), /cannot be signed/);
    });
  });

  describe("an upstream's keys", () => {
    test("are remembered with the time, and never forgotten", async (t) => {
      const { clock, told, open } = await rooms(t);
      const signing = await open();
      const [a, b] = [upstreamKey(), upstreamKey(undefined, 5_000)];
      const firstSeenMs = clock.now();
      await signing.learn("npm", [a, b], { isWhole: true });
      await clock.advance(1000);
      await signing.learn("npm", [a], { isWhole: true });
      assert.deepEqual(told.slice(1), [`added npm ${a.keyid}`, `added npm ${b.keyid}`, `gone npm ${b.keyid}`]);
      const elsewhere = (await open()).ring;
      for (const ring of [signing.ring, elsewhere]) {
        assert.equal(ring.find("npm", a.keyid)?.firstSeenMs, firstSeenMs);
        assert.equal(ring.find("npm", a.keyid)?.expiresMs, undefined);
        assert.equal(ring.find("npm", b.keyid)?.expiresMs, 5_000, "the first end counts");
        assert.deepEqual(ring.ownersOf(b.keyid), ["npm"]);
        assert.equal(ring.list(["npm"]).length, 2);
        assert.equal(ring.list().length, 3);
      }
      await signing.learn("npm", [], { isWhole: false });
      assert.equal(signing.ring.find("npm", a.keyid)?.expiresMs, undefined, "no list says nothing");
      const goneAtMs = clock.now();
      await clock.advance(1000);
      await signing.learn("npm", [], { isWhole: true });
      assert.equal(signing.ring.find("npm", a.keyid)?.expiresMs, goneAtMs + 1000);
      await signing.learn("npm", [{ ...a, expiresMs: 9_000 }], { isWhole: true });
      assert.equal(told.at(-1), `back npm ${a.keyid}`);
      assert.equal(signing.ring.find("npm", a.keyid)?.expiresMs, 9_000);
      const { generation } = signing.ring;
      await signing.learn("npm", [{ ...a, expiresMs: 9_000 }], { isWhole: true });
      assert.equal(signing.ring.generation, generation, "nothing new, nothing changes");
    });

    test("stand alone under their keyid: another key of that keyid is refused, whoever lists it", async (t) => {
      const { told, open } = await rooms(t);
      const signing = await open();
      const [own] = signing.ring.list();
      assert.ok(own);
      const a = upstreamKey("key-1");
      await signing.learn("one", [a], { isWhole: true });
      await signing.learn("two", [upstreamKey("key-1"), upstreamKey(own.keyid)], { isWhole: true });
      assert.equal(signing.ring.find("two", "key-1"), undefined);
      assert.equal(signing.ring.find("two", own.keyid), undefined);
      assert.deepEqual(signing.ring.ownersOf("key-1"), ["one"]);
      assert.deepEqual(told.slice(2), ["refused two key-1", `refused two ${own.keyid}`]);
      await signing.learn("one", [upstreamKey("key-1")], { isWhole: true });
      assert.equal(told.at(-2), "refused one key-1");
      assert.equal(told.at(-1), "gone one key-1", "its own first key is listed no more");
      assert.deepEqual(signing.ring.find("one", "key-1")?.publicKey, a.publicKey);
      assert.equal(signing.ring.list(["two"]).length, 0);
    });

    test("named by their own fingerprint displace who took the name before", async (t) => {
      const { told, open } = await rooms(t);
      const signing = await open();
      const honest = upstreamKey();
      await signing.learn("liar", [upstreamKey(honest.keyid)], { isWhole: true });
      await signing.learn("honest", [honest], { isWhole: true });
      assert.deepEqual(signing.ring.ownersOf(honest.keyid), ["honest"]);
      assert.deepEqual(told.slice(2), [`refused liar ${honest.keyid}`, `added honest ${honest.keyid}`]);
      await signing.learn("liar", [upstreamKey(honest.keyid)], { isWhole: true });
      assert.equal(signing.ring.find("liar", honest.keyid), undefined);
    });

    test("may be shared: the same key under the same keyid is known of both", async (t) => {
      const { open } = await rooms(t);
      const signing = await open();
      const a = upstreamKey();
      await signing.learn("one", [a], { isWhole: true });
      await signing.learn("two", [a], { isWhole: true });
      assert.deepEqual(signing.ring.ownersOf(a.keyid), ["one", "two"]);
    });

    test("end for good when a person retires them", async (t) => {
      const { told, open } = await rooms(t);
      const signing = await open();
      const a = upstreamKey();
      await signing.learn("npm", [a], { isWhole: true });
      assert.equal(await signing.retire("npm", a.keyid, 4_000), true);
      assert.equal(await signing.retire("npm", "other", 4_000), false);
      await signing.learn("npm", [a], { isWhole: true });
      assert.equal(signing.ring.find("npm", a.keyid)?.expiresMs, 4_000);
      assert.equal(told.at(-1), `retired npm ${a.keyid}`);
      await assert.rejects(signing.retire(ownOwner, a.keyid, 0), { code: "USAGE" });
    });
  });
});
