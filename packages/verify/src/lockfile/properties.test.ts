import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { isAssayError } from "@assay/core";
import { integrityOf } from "@assay/testkit/tiny-log";
import { lockfileFileName, lockfileVectors } from "../../test/lockfile-vectors.ts";
import { blankJsonc } from "./jsonc.ts";
import { lockfileFormats, parseLockfile } from "./formats.ts";
import type { Lockfile } from "./lockfile.ts";
import { maxLockfileBytes } from "./reading.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The lockfile, or undefined when it is refused as a lockfile is; anything else is a failure of the reader. */
function readOrRefuse(fileName: string, bytes: Uint8Array): Lockfile | undefined {
  try {
    return parseLockfile(fileName, bytes);
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}]/u, "a refusal is printed");
    return undefined;
  }
}

function countOf({ packages, unpinned, unverifiable, skipped }: Lockfile): number {
  const { bundled, links, folders, patched } = skipped;
  return packages.length + unpinned.length + unverifiable.length + bundled + links + folders + patched;
}

const vectors = lockfileVectors("good");

/** One edit of a text: a cut, a doubled piece, some characters that formats use, or the start of another lockfile. */
const edit = fc.record({
  at: fc.nat(),
  length: fc.nat({ max: 60 }),
  with: fc.oneof(
    fc.constant(""),
    fc.constantFrom(
      '"',
      "'",
      ":",
      ",",
      "{",
      "}",
      "[",
      "]",
      "\n",
      "  ",
      "&a ",
      "*a",
      "!!x ",
      "<<: ",
      "#",
      "\u001b",
      "\u202e",
      "\r",
    ),
    fc.constantFrom("__proto__", "constructor", "node_modules/", "link:", "file:x", "git+ssh://x", "null", "---\n"),
    fc.string({ maxLength: 8 }),
  ),
});

for (const client of new Set(vectors.map((vector) => vector.client))) {
  test(`however a lockfile of ${client} is edited, it is read or refused by name`, () => {
    const own = vectors.filter((vector) => vector.client === client);
    fc.assert(
      fc.property(fc.nat(own.length - 1), fc.array(edit, { minLength: 1, maxLength: 4 }), (which, edits) => {
        const vector = own[which] ?? assert.fail();
        let text = new TextDecoder().decode(vector.bytes);
        for (const { at, length, with: piece } of edits) {
          const place = at % (text.length + 1);
          text = text.slice(0, place) + piece + text.slice(place + length);
        }
        readOrRefuse(lockfileFileName(client), encode(text));
      }),
      { numRuns: 300 },
    );
  });
}

test("whatever bytes a lockfile has, it is read or refused by name", () => {
  const name = fc.constantFrom(...lockfileFormats.map(({ fileName }) => fileName));
  fc.assert(
    fc.property(name, fc.uint8Array({ maxLength: 200 }), (fileName, bytes) => void readOrRefuse(fileName, bytes)),
  );
});

test("refuses what is too large before reading it, in every format", () => {
  for (const { fileName, parse } of lockfileFormats)
    assert.throws(() => parse(new Uint8Array(maxLockfileBytes + 1)), /larger than/, fileName);
});

const part = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const packageName = fc.oneof(
  part,
  fc.tuple(part, part).map(([scope, name]) => `@${scope}/${name}`),
);
const version = fc
  .tuple(fc.nat(9), fc.nat(9), fc.nat(9), fc.constantFrom("", "-rc.1", "+build.5"))
  .map(([a, b, c, rest]) => `${a}.${b}.${c}${rest}`);
/** Where one entry comes from: a registry with a digest, one without, or something else. */
const kind = fc.constantFrom("registry", "weak", "none", "git", "url", "file", "folder");
const entries = fc.uniqueArray(fc.record({ name: packageName, version, kind }), {
  selector: ({ name }) => name,
  maxLength: 12,
});
type Entry = { readonly name: string; readonly version: string; readonly kind: string };

const digest = ({ name, version: exact, kind: from }: Entry): string | undefined =>
  from === "registry"
    ? integrityOf(`${name}@${exact}`)
    : from === "weak"
      ? "sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA="
      : undefined;
const source = ({ name, kind: from }: Entry): string | undefined =>
  ({
    git: `git+ssh://git@git.example.com/${name}.git#0123`,
    url: "https://a.example.com/x.tgz",
    file: "file:x.tgz",
    folder: "file:x",
  })[from];

/** A text of each format with these entries, as its client would write them. */
const writers: Readonly<Record<string, (list: readonly Entry[]) => string>> = {
  "pnpm-lock.yaml": (list) =>
    `lockfileVersion: '9.0'\n\npackages:${list.length === 0 ? " {}" : ""}\n${list
      .map((each) => {
        const from = source(each);
        const resolution =
          each.kind === "folder"
            ? "directory: x, type: directory"
            : each.kind === "git"
              ? "commit: '0123', repo: x, type: git"
              : [
                  ...(digest(each) === undefined ? [] : [`integrity: ${digest(each)}`]),
                  ...(from === undefined ? [] : [`tarball: ${from}`]),
                ].join(", ");
        return `\n  '${each.name}@${from ?? each.version}':\n    resolution: {${resolution}}\n`;
      })
      .join("")}`,
  "yarn.lock": (list) =>
    `# yarn lockfile v1\n\n${list
      .map((each) => {
        const resolved = source(each) ?? `https://registry.example.com/${each.name}/-/x-${each.version}.tgz#0123`;
        const row = each.kind === "folder" ? "" : `  resolved "${resolved}"\n`;
        return `"${each.name}@${source(each) ?? "^1.0.0"}":\n  version "${each.version}"\n${row}${digest(each) === undefined ? "" : `  integrity ${digest(each)}\n`}`;
      })
      .join("\n")}`,
  "bun.lock": (list) =>
    `{"lockfileVersion": 1, "packages": {${list
      .map((each) => {
        const from = source(each);
        const tuple =
          from === undefined
            ? [`${each.name}@${each.version}`, "", {}, digest(each) ?? ""]
            : [`${each.name}@${from}`, {}];
        return `${JSON.stringify(each.name)}: ${JSON.stringify(tuple)},`;
      })
      .join("\n")}},}`,
  "deno.lock": (list) =>
    JSON.stringify({
      version: "5",
      npm: Object.fromEntries(list.map((each) => [`${each.name}@${each.version}`, { integrity: digest(each) }])),
    }),
  "vlt-lock.json": (list) =>
    JSON.stringify({
      lockfileVersion: 1,
      nodes: Object.fromEntries(
        list.map((each, at) => {
          const escaped = each.name.replace("/", "+");
          const id = { git: `git~x~${at}`, url: `remote~x${at}`, file: `file~x${at}.tgz`, folder: `file~x${at}` }[
            each.kind
          ];
          return [id ?? `~npm~${escaped}@${each.version.replace("+", "_p")}`, [0, each.name, digest(each) ?? null]];
        }),
      ),
    }),
  "package-lock.json": (list) =>
    JSON.stringify({
      lockfileVersion: 1,
      dependencies: Object.fromEntries(
        list.map((each) => [each.name, { version: source(each) ?? each.version, integrity: digest(each) }]),
      ),
    }),
};

for (const [fileName, write] of Object.entries(writers)) {
  test(`every entry of a ${fileName} comes out once, registry packages with their own digest`, () => {
    fc.assert(
      fc.property(entries, (list) => {
        const lockfile = parseLockfile(fileName, encode(write(list)));
        assert.equal(countOf(lockfile), list.length);
        const wanted = list.filter((each) => each.kind === "registry");
        // Yarn 1 and vlt know packages by other names than this list only in the fields that are compared here.
        assert.deepEqual(
          lockfile.packages.map(({ name, version: exact, integrity }) => `${name}@${exact} ${integrity}`).toSorted(),
          wanted.map((each) => `${each.name}@${each.version} ${digest(each)}`).toSorted(),
        );
      }),
    );
  });
}

test("every entry of a yarn.lock of Berry comes out once", () => {
  fc.assert(
    fc.property(entries, (list) => {
      const text = list.map((each) => {
        const reference = source(each) ?? `npm:${each.version}`;
        return `"${each.name}@npm:^1":\n  version: ${each.version}\n  resolution: "${each.name}@${reference}"\n`;
      });
      const lockfile = parseLockfile("yarn.lock", encode(`__metadata:\n  version: 8\n\n${text.join("\n")}`));
      assert.equal(countOf(lockfile), list.length);
      const registry = list.filter((each) => source(each) === undefined);
      assert.deepEqual(
        lockfile.unpinned.map(({ name, version: exact }) => `${name}@${exact}`),
        registry.map((each) => `${each.name}@${each.version}`),
      );
    }),
  );
});

test("blanking comments and trailing commas keeps every offset and every value", () => {
  const blank = fc.constantFrom("", " ", "\n", "/* x, */", "// ]\n");
  fc.assert(
    fc.property(
      fc.json(),
      fc.array(blank, { minLength: 4, maxLength: 4 }),
      (json, [a = "", b = "", c = "", d = ""]) => {
        const text = `${a}{${b}"x": [${json}${c},${d}],}${a}`;
        const plain = blankJsonc(text);
        assert.equal(plain.length, text.length);
        assert.deepEqual(JSON.parse(plain), JSON.parse(`{"x":[${json}]}`));
      },
    ),
  );
});
