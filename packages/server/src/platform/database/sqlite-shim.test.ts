import assert from "node:assert/strict";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, after, describe, test } from "node:test";
import { tempFolder } from "@assay/testkit/temp-folder";
import { openSqlite, sqliteVersion, type SqliteConnection } from "./sqlite-shim.ts";

describe("the shim around node:sqlite", () => {
  let connection: SqliteConnection;
  let path: string;
  const run = (sql: string, ...parameters: unknown[]) => connection.prepare(sql).execute(parameters);

  after(() => connection.close());
  const folder = tempFolder({ after });
  before(() => {
    path = join(folder, "deeper", "shim.sqlite");
    connection = openSqlite({ path, access: "write", busyTimeoutMs: 1000 });
    run("create table items (a integer, b text, c blob) strict");
  });

  test("an object as the first parameter is refused instead of shifting the others", () => {
    const insert = "insert into items (a, b) values (?, ?)";
    for (const first of [new Date(0), {}, { a: 1 }, new Map(), [1]])
      assert.throws(() => run(insert, first, "x"), /parameter 1 is an object of type/);
    assert.throws(() => run(insert, {}, 1, "x"), TypeError);
    assert.deepEqual(run("select * from items").rows, []);
  });

  test("a last rowid beyond what a number can hold is nobody's error", () => {
    run("create table wide (id integer primary key)");
    run("insert into wide (id) values (9009535716950016)");
    assert.equal(run("insert into wide (id) values (9009535716950017)").changes, 1);
    assert.equal(run("delete from wide").changes, 2);
    run("drop table wide");
  });

  test("too few and too many parameters are refused", () => {
    assert.throws(() => run("select ?, ?", 1), /1 parameters for a statement with 2/);
    assert.throws(() => run("select ?", 1, 2), /2 parameters for a statement with 1/);
    assert.throws(() => run("select 1", 1), /1 parameters for a statement with 0/);
  });

  test("a second statement is refused instead of dropped", () => {
    assert.throws(() => run("select 1; select 2"), /more than one statement/);
    assert.throws(() => run("insert into items (a) values (1); drop table items"), /more than one statement/);
    assert.deepEqual(run("select count(*) from items").rows, [[0]]);
  });

  test("undefined, functions and numbers that are none are refused", () => {
    for (const value of [undefined, () => 1, Number.NaN, Infinity, -Infinity])
      assert.throws(() => run("select ?", value), /parameter 1 is/);
  });

  test("integers beyond 2^53 are refused both ways", () => {
    for (const value of [2 ** 53, -(2 ** 53), 2n ** 53n, -(2n ** 60n), 1e300])
      assert.throws(() => run("select ?", value), /beyond 2\^53/);
    assert.deepEqual(run("select ?, ?", Number.MAX_SAFE_INTEGER, BigInt(Number.MIN_SAFE_INTEGER)).rows, [
      [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
    ]);
    assert.throws(() => run("select ? + 1", Number.MAX_SAFE_INTEGER), RangeError);
  });

  test("whole numbers are bound as integers, not as REAL", () => {
    assert.deepEqual(run("select typeof(?), ? / 2, typeof(?), typeof(?)", 5, 5, 1.5, true).rows, [
      ["integer", 2, "real", "integer"],
    ]);
  });

  test("booleans become 0 and 1, bytes stay bytes", () => {
    assert.deepEqual(run("select ?, ?", true, false).rows, [[1, 0]]);
    const [row] = run("select ?, typeof(?)", new Uint8Array([1, 2]), Buffer.from("x")).rows;
    assert.deepEqual(row, [new Uint8Array([1, 2]), "blob"]);
  });

  test("text with NUL or lone surrogates is refused instead of changed", () => {
    assert.throws(() => run("select ?", "a\0b"), /NUL/);
    assert.throws(() => run("select ?", "\udc00"), /surrogate/);
  });

  test("double quotes never mean text, and ATTACH is impossible", () => {
    assert.throws(() => run('select "nothing"'), /no such column/);
    assert.throws(() => run("attach ? as other", join(folder, "other.sqlite")), /too many attached/);
  });

  test("a statement is prepared once, and only the last 500 are kept", () => {
    const first = connection.prepare("select 1");
    assert.equal(connection.prepare("select 1"), first);
    for (let number = 0; number < 500; number += 1) connection.prepare(`select ${number}, 2`);
    assert.notEqual(connection.prepare("select 1"), first);
  });

  test("columns are right after another connection changed the schema", () => {
    run("create table grows (a integer) strict");
    run("insert into grows values (1)");
    const reader = openSqlite({ path, access: "read", busyTimeoutMs: 1000 });
    const query = reader.prepare("select * from grows");
    assert.deepEqual(query.execute([]).rows, [[1]]);
    run("alter table grows add column b integer");
    assert.deepEqual(query.execute([]).rows, [[1, null]]);
    assert.deepEqual(query.columns, ["a", "b"]);
    reader.close();
  });

  test("writes survive a power cut: WAL, synchronous FULL; the schema is not trusted, foreign keys hold", () => {
    const pragma = (name: string) => run(`pragma ${name}`).rows[0]?.[0];
    assert.equal(pragma("journal_mode"), "wal");
    assert.equal(pragma("synchronous"), 2);
    assert.equal(pragma("trusted_schema"), 0);
    assert.equal(pragma("foreign_keys"), 1);
  });

  test("a reading connection cannot write", () => {
    const reader = openSqlite({ path, access: "read", busyTimeoutMs: 1000 });
    assert.throws(() => reader.prepare("insert into items (a) values (1)").execute([]), /readonly/);
    reader.close();
  });

  test("the file, its WAL and its folder are the owner's alone", () => {
    run("insert into items (a) values (1)");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(`${path}-wal`).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, "deeper")).mode & 0o777, 0o700);
    const loose = join(folder, "loose.sqlite");
    writeFileSync(loose, "");
    chmodSync(loose, 0o644);
    openSqlite({ path: loose, access: "write", busyTimeoutMs: 1000 }).close();
    assert.equal(statSync(loose).mode & 0o777, 0o600);
  });

  test("a file that is no database is refused", () => {
    const wrong = join(folder, "wrong.sqlite");
    writeFileSync(wrong, "this is not a database, whatever its name says".repeat(100));
    assert.throws(() => openSqlite({ path: wrong, access: "write", busyTimeoutMs: 1000 }), /not a database/);
    assert.throws(() => openSqlite({ path: join(folder, "none.sqlite"), access: "read", busyTimeoutMs: 10 }));
  });

  test("the version is that of the library", () => {
    assert.deepEqual(run("select sqlite_version()").rows, [[sqliteVersion()]]);
  });
});
