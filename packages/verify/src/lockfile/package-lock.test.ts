import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import fc from "fast-check";
import { isAssayError } from "@assay/core";
import { integrityOf } from "@assay/testkit/tiny-log";
import { parsePackageLock } from "./package-lock.ts";
import { maxLockfileBytes } from "./reading.ts";

const read = (name: string): Uint8Array =>
  readFileSync(new URL(`../../../../vectors/lockfiles/good/npm/${name}.json`, import.meta.url));
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test("refuses what is no UTF-8, and what is too large, before reading it", () => {
  assert.throws(() => parsePackageLock(Uint8Array.of(0x7b, 0xff, 0x7d)), /not UTF-8/);
  assert.throws(() => parsePackageLock(new Uint8Array(maxLockfileBytes + 1)), /larger than/);
});

test("reads past a byte order mark, as npm does", () => {
  const plain = read("v3-plain");
  const marked = Uint8Array.of(0xef, 0xbb, 0xbf, ...plain);
  assert.deepEqual(parsePackageLock(marked), parsePackageLock(plain));
});

test("refuses absurd depths and numbers", () => {
  let tree: object = {};
  for (let i = 0; i < 401; i += 1) tree = { a: { version: "1.0.0", dependencies: tree } };
  const deep = { lockfileVersion: 2, packages: {}, dependencies: tree };
  assert.throws(() => parsePackageLock(encode(deep)), /a path is longer than 4096/);
  let nested = "[]";
  for (let i = 0; i < 2000; i += 1) nested = `[${nested}]`;
  assert.throws(() => parsePackageLock(new TextEncoder().encode(nested)), /nested deeper than/);
  const many = Object.fromEntries(Array.from({ length: 100_001 }, (_, i) => [`f${i}`, {}]));
  assert.throws(() => parsePackageLock(encode({ lockfileVersion: 3, packages: many })), /100000/);
});

const part = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const packageName = fc.oneof(
  part,
  fc.tuple(part, part).map(([s, n]) => `@${s}/${n}`),
);
const version = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map(([a, b, c]) => `${a}.${b}.${c}`);

test("every registry entry of a lockfile comes out once, with its own digest", () => {
  const entries = fc.uniqueArray(fc.tuple(packageName, version, fc.boolean()), {
    selector: ([name]) => name,
    maxLength: 20,
  });
  fc.assert(
    fc.property(entries, (list) => {
      const packages = Object.fromEntries(
        list.map(([name, v, hasUrl]) => [
          `node_modules/${name}`,
          {
            version: v,
            integrity: integrityOf(`${name}@${v}`),
            ...(hasUrl ? { resolved: `https://registry.example.com/${name}/-/x-${v}.tgz` } : {}),
          },
        ]),
      );
      const lockfile = parsePackageLock(encode({ lockfileVersion: 3, packages }));
      assert.deepEqual(lockfile.unverifiable, []);
      assert.deepEqual(
        lockfile.packages,
        list.map(([name, v]) => ({
          name,
          version: v,
          integrity: integrityOf(`${name}@${v}`),
          path: `node_modules/${name}`,
        })),
      );
    }),
  );
});

test("no entry below node_modules ever disappears, whatever its fields", () => {
  const text = fc.oneof(
    fc.constantFrom(
      "file:x.tgz",
      "git+ssh://h/x",
      "https://h/x.tgz",
      "https://h/x/-/x-1.0.0.tgz",
      "1.0.0",
      integrityOf("x"),
    ),
    fc.string({ maxLength: 12 }),
  );
  const flags = { link: fc.boolean(), inBundle: fc.boolean() };
  const fields = { name: text, version: text, resolved: text, integrity: text, ...flags };
  const entry = fc.record(fields, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), (list) => {
      const packages = Object.fromEntries(list.map((each, i) => [`node_modules/p${i}`, each]));
      try {
        const { packages: found, unverifiable, skipped } = parsePackageLock(encode({ lockfileVersion: 3, packages }));
        const links = list.filter(({ link }) => link === true).length;
        assert.deepEqual({ ...skipped }, { bundled: 0, links, folders: 0, patched: 0 });
        assert.equal(found.length + unverifiable.length + links, list.length);
      } catch (error) {
        if (!isAssayError(error, "BAD_FORMAT")) throw error;
      }
    }),
  );
});

test("never fails with anything but a refusal, whatever the JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.constantFrom(1, 2, 3), (a, b, lockfileVersion) => {
      try {
        parsePackageLock(encode({ lockfileVersion, packages: a, dependencies: b }));
        parsePackageLock(encode({ lockfileVersion, packages: { "node_modules/a": a } }));
      } catch (error) {
        assert.ok(isAssayError(error, "BAD_FORMAT"), String(error));
      }
    }),
  );
});
