import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, jsonPointer, parseJson } from "@assay/core";

const refused = (error: unknown): boolean => isAssayError(error, "BAD_FORMAT");

test("duplicate members are listed by pointer, once each, and the last one wins", () => {
  const { value, duplicateKeys } = parseJson('{"a":1,"b":[{"c/d":1,"c\\u002fd":{"x":0}}],"a":2,"a":3}');
  deepEqual(duplicateKeys, ["/b/0/c~1d", "/a"]);
  deepEqual(value, { a: 3, b: [{ "c/d": { x: 0 } }] });
  equal(jsonPointer("b", 0, "c/d~"), "/b/0/c~1d~0");
});

test("members of different objects, values and escaped quotes are no duplicates", () => {
  const texts = ['[{"a":1},{"a":1}]', '{"a":{"a":{"a":"a"}}}', '{"a":"\\"a\\":1,\\\\","b":"{\\"a\\":1"}'];
  for (const text of [...texts, '{"\\\\":1,"\\"":2}', '{"a":[1,"a",{"a":[]}],"b":"a"}', '"a"', "1"]) {
    deepEqual(parseJson(text), { value: JSON.parse(text) as unknown, duplicateKeys: [] }, text);
  }
});

test("__proto__ is an ordinary own member", () => {
  const { value, duplicateKeys } = parseJson('{"__proto__":{"x":1},"a":{"__proto__":1,"__proto__":2}}');
  ok(typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__"));
  equal(Object.getPrototypeOf(value), Object.prototype);
  deepEqual(duplicateKeys, ["/a/__proto__"]);
});

test("what is not JSON is refused", () => {
  for (const text of ["", "\ufeff{}", "{'a':1}", "[1,]", "{} {}", "NaN", "// x\n1", '"\t"', "01"]) {
    throws(() => parseJson(text), refused, text);
  }
});

test("nesting is limited, at the default and where asked", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  equal(parseJson(nested(1000)).duplicateKeys.length, 0);
  throws(() => parseJson(nested(1001)), refused);
  throws(() => parseJson(nested(5), { maxDepth: 4 }), refused);
  throws(() => parseJson(nested(200_000)), refused);
});

test("a document that repeats members without end is refused, not chewed on", () => {
  const key = "k".repeat(10_000);
  throws(() => parseJson(`{${`"${key}":1,`.repeat(200)}"z":1}`), refused);
  throws(() => parseJson(`{"${key}":{${`"a":1,`.repeat(200)}"z":1}}`), refused);
});
