import assert from "node:assert/strict";
import test from "node:test";
import { isAssayError } from "@assay/core";
import { integrityOf } from "@assay/testkit/tiny-log";
import { lockfileFileName, lockfileVectors } from "../../../test/lockfile-vectors.ts";
import { encodeVltPart } from "../vlt-id.ts";
import { rewriteLockfile } from "./rewrite.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const to = "https://assay.example.com/npm";
const vectors = lockfileVectors("good");

test("moves every vector that names a registry there and back, to the byte", () => {
  let moved = 0;
  for (const vector of vectors) {
    const name = lockfileFileName(vector.client);
    const there = rewriteLockfile(name, vector.bytes, { to: `${to}/`, from: undefined });
    if (there.from === undefined) {
      assert.equal(decode(there.bytes), decode(vector.bytes), vector.name);
      continue;
    }
    moved += 1;
    assert.ok(there.changed > 0, vector.name);
    const text = decode(there.bytes);
    assert.ok(!text.includes(`${there.from}/plain/`), vector.name);
    const back = rewriteLockfile(name, there.bytes, { to: there.from, from: to });
    assert.equal(back.changed, there.changed);
    assert.equal(decode(back.bytes), decode(vector.bytes), vector.name);
  }
  assert.ok(moved >= 25, `${moved} moved`);
});

test("changes nothing but URLs: without them both texts are equal", () => {
  const without = (text: string, base: string): string =>
    [base, encodeURIComponent(base), encodeVltPart(base)].reduce((left, each) => left.replaceAll(each, "URL"), text);
  for (const vector of vectors.filter(({ name }) => /-(?:registry|workspaces)$/.test(name))) {
    const { bytes, from } = rewriteLockfile(lockfileFileName(vector.client), vector.bytes, { to, from: undefined });
    if (from === undefined) continue;
    assert.equal(without(decode(bytes), to), without(decode(vector.bytes), from), vector.name);
  }
});

test("none takes the URLs away, whole members with their commas and lines", () => {
  const digest = integrityOf("a");
  const cases: readonly (readonly [string, string, string])[] = [
    [
      "package-lock.json",
      `{"lockfileVersion":3,"packages":{"node_modules/a":{"version":"1.0.0","resolved":"${to}/a/-/a-1.0.0.tgz","integrity":"${digest}"}}}`,
      `{"lockfileVersion":3,"packages":{"node_modules/a":{"version":"1.0.0","integrity":"${digest}"}}}`,
    ],
    [
      "deno.lock",
      `{\n  "version": "5",\n  "npm": {\n    "a@1.0.0": {\n      "integrity": "${digest}",\n      "tarball": "${to}/a/-/a-1.0.0.tgz"\n    }\n  }\n}\n`,
      `{\n  "version": "5",\n  "npm": {\n    "a@1.0.0": {\n      "integrity": "${digest}"\n    }\n  }\n}\n`,
    ],
    [
      "pnpm-lock.yaml",
      `lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: ${digest}, tarball: ${to}/a/-/a-1.0.0.tgz}\n`,
      `lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: ${digest}}\n`,
    ],
    [
      "pnpm-lock.yaml",
      `lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {tarball: ${to}/a/-/a-1.0.0.tgz, integrity: ${digest}}\n`,
      `lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: ${digest}}\n`,
    ],
    [
      "yarn.lock",
      `# yarn lockfile v1\r\n\r\n\r\na@^1.0.0:\r\n  version "1.0.0"\r\n  resolved "${to}/a/-/a-1.0.0.tgz#00"\r\n  integrity ${digest}\r\n`,
      `# yarn lockfile v1\r\n\r\n\r\na@^1.0.0:\r\n  version "1.0.0"\r\n  integrity ${digest}\r\n`,
    ],
    [
      "bun.lock",
      `{ "lockfileVersion": 1, "packages": { "a": ["a@1.0.0", "${to}/a/-/a-1.0.0.tgz", {}, "${digest}"], } }`,
      `{ "lockfileVersion": 1, "packages": { "a": ["a@1.0.0", "", {}, "${digest}"], } }`,
    ],
  ];
  for (const [fileName, before, after] of cases) {
    const { bytes, changed } = rewriteLockfile(fileName, encode(before), { to: "none", from: undefined });
    assert.deepEqual([decode(bytes), changed], [after, 1], fileName);
  }
});

const entry = (name: string, url: string): string =>
  `"node_modules/${name}":{"version":"1.0.0","resolved":"${url}","integrity":"${integrityOf(name)}"}`;
const lock = (...entries: readonly string[]): Uint8Array =>
  encode(`{"lockfileVersion":3,"packages":{${entries.join(",")}}}`);
const here = "https://registry.example.com";

test("several registries are not guessed between; the one that is named moves, the others stay", () => {
  const bytes = lock(entry("a", `${here}/a/-/a-1.0.0.tgz`), entry("b", "https://other.example.com/b/-/b-1.0.0.tgz"));
  assert.throws(
    () => rewriteLockfile("package-lock.json", bytes, { to, from: undefined }),
    (error) =>
      isAssayError(error, "USAGE") &&
      /several registries: .*registry\.example\.com, .*other\.example\.com/.test(error.message),
  );
  const moved = rewriteLockfile("package-lock.json", bytes, { to, from: `${here}/` });
  assert.deepEqual([moved.changed, ...moved.others], [1, ["https://other.example.com", 1]]);
  assert.ok(decode(moved.bytes).includes("https://other.example.com/b/-/b-1.0.0.tgz"));
});

test("a base is a whole one: neither a host nor a path that merely begins the same", () => {
  for (const url of [`${here}.evil.example/a/-/a-1.0.0.tgz`, `${here}2/a/-/a-1.0.0.tgz`]) {
    const bytes = lock(entry("a", url));
    assert.equal(rewriteLockfile("package-lock.json", bytes, { to, from: here }).changed, 0);
  }
});

test("both spellings of a scoped name's URL move, to the canonical one", () => {
  for (const path of ["@s/a", "@s%2fa", "@s%2Fa"]) {
    const { bytes } = rewriteLockfile("package-lock.json", lock(entry("@s/a", `${here}/${path}/-/a-1.0.0.tgz`)), {
      to,
      from: undefined,
    });
    assert.ok(decode(bytes).includes(`"${to}/@s/a/-/a-1.0.0.tgz"`));
  }
});

test("a URL below the registry that is not understood refuses the whole file, by name", () => {
  const odd = lock(entry("a", `${here}/a/-/a-1.0.0.tgz`), entry("b", `${here}/b/-/c-1.0.0.tgz`));
  assert.throws(
    () => rewriteLockfile("package-lock.json", odd, { to, from: undefined }),
    (error) =>
      isAssayError(error, "BAD_FORMAT") && /node_modules\/b is fetched from .*c-1\.0\.0\.tgz/.test(error.message),
  );
});

test("dependencies by URL, links and git stay as they are", () => {
  const url = entry("u", `${here}/files/u-1.0.0.tgz`);
  const link = `"node_modules/l":{"resolved":"${here}/l/-/l-1.0.0.tgz","link":true}`;
  const git = `"node_modules/g":{"version":"1.0.0","resolved":"git+${here}/g/-/g.git#0123"}`;
  const { bytes, changed } = rewriteLockfile(
    "package-lock.json",
    lock(url, link, git, entry("a", `${here}/a/-/a-1.0.0.tgz`)),
    {
      to,
      from: undefined,
    },
  );
  assert.equal(changed, 1);
  for (const kept of [url, link, git]) assert.ok(decode(bytes).includes(kept));
});

test("both lists of an npm lockfile of version 2 move, aliases by their real names", () => {
  const digest = integrityOf("real");
  const url = `${here}/real/-/real-1.0.0.tgz`;
  const text = `{"lockfileVersion":2,"packages":{"node_modules/x":{"name":"real","version":"1.0.0","resolved":"${url}","integrity":"${digest}"}},"dependencies":{"x":{"version":"npm:real@1.0.0","resolved":"${url}","integrity":"${digest}"}}}`;
  const { bytes, changed } = rewriteLockfile("package-lock.json", encode(text), { to, from: undefined });
  assert.deepEqual([changed, decode(bytes)], [2, text.replaceAll(here, to)]);
});

test("a byte order mark stays", () => {
  const plain = lock(entry("a", `${here}/a/-/a-1.0.0.tgz`));
  const { bytes } = rewriteLockfile("package-lock.json", Uint8Array.of(0xef, 0xbb, 0xbf, ...plain), {
    to,
    from: undefined,
  });
  assert.equal(decode(bytes), `\u{feff}${decode(plain).replace(here, to)}`);
});

test("wrong use is refused: what is no URL, what is no lockfile, what the format cannot say", () => {
  const bytes = lock(entry("a", `${here}/a/-/a-1.0.0.tgz`));
  for (const wrong of ["ftp://x", "assay", "https://user:secret@assay.example.com", "https://assay.example.com/?x"])
    assert.throws(
      () => rewriteLockfile("package-lock.json", bytes, { to: wrong, from: undefined }),
      /must be an http or https URL/,
    );
  assert.throws(() => rewriteLockfile("package-lock.json", bytes, { to, from: "none" }), /--from must be/);
  assert.throws(() => rewriteLockfile("package-lock.json", encode("{}"), { to, from: undefined }), /lockfileVersion/);
  const vlt = vectors.find(({ name }) => name === "vlt-workspaces");
  assert.ok(vlt);
  assert.throws(() => rewriteLockfile("vlt-lock.json", vlt.bytes, { to: "none", from: undefined }), /in every node/);
  const yarn = vectors.find(({ name }) => name === "yarn1-registry");
  assert.ok(yarn);
  assert.throws(
    () => rewriteLockfile("yarn.lock", yarn.bytes, { to: "none", from: undefined }),
    /build@\^1\.0\.0 cannot do without its URL/,
  );
});
