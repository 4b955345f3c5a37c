import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import fc from "fast-check";
import { changesSchema, countParameters } from "./sqlite-text.ts";

test("counts parameters outside quotes and comments only", () => {
  const counted: readonly (readonly [string, number])[] = [
    ["select 1", 0],
    ["select ?, ?", 2],
    ["select '?', \"?\", `?`, [?], ?", 1],
    ["select 'it''s ?', ?", 1],
    ["select ? -- ?\n, ?", 2],
    ["select ? /* ? ; */ , ? -- ?", 2],
    ["select 1 /* open ?", 0],
    ["select a$1 from t where b = ?;  -- end\n ; ", 1],
    ["select ?->>'$.a'", 1],
    ["select x'00', ?", 1],
  ];
  for (const [sql, count] of counted) assert.equal(countParameters(sql), count, sql);
});

test("refuses a second statement, other forms of parameters and open quotes", () => {
  for (const sql of ["select 1; select 2", "select 1;;select 2", "select 1; /* */ delete from t"])
    assert.throws(() => countParameters(sql), /more than one statement/, sql);
  for (const sql of ["select ?1", "select :a", "select @a", "select $a", "select #a"])
    assert.throws(() => countParameters(sql), /parameter/, sql);
  for (const sql of ["select '", 'select "a', "select [a", "select `a``"])
    assert.throws(() => countParameters(sql), /does not end/, sql);
});

test("agrees with SQLite on how many parameters a statement has", () => {
  const database = new DatabaseSync(":memory:");
  const pieces = ["?", "1", "'a''?'", '"?"', "[?]", "`?`", "-- ?\n", "/* ? */", " ", "x'3f'", "'--'", "a$b"];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
      const sql = `explain select ${[...parts.map((part) => `${part} `), "1"].join(", ")}`;
      let statement;
      try {
        statement = database.prepare(sql);
      } catch {
        return;
      }
      const count = countParameters(sql);
      statement.all(...Array.from({ length: count }, () => null));
      const tooMany = Array.from({ length: count + 1 }, () => null);
      assert.throws(() => statement.all(...tooMany), /out of range/);
    }),
    { numRuns: 500 },
  );
  database.close();
});

test("knows the statements that change the schema", () => {
  for (const sql of ["create table a(b)", " ALTER table a", "drop index b"]) assert.ok(changesSchema(sql), sql);
  for (const sql of ["insert into a values (1)", "select 'create'", "creates"]) assert.ok(!changesSchema(sql), sql);
});
