import assert from "node:assert/strict";
import test from "node:test";
import { isAssayError } from "@assay/core";
import { createTinyWitness } from "@assay/testkit/tiny-witness";
import { readEnv, type Environment } from "./env.ts";
import { readConfigFile } from "./file.ts";
import { resolveConfig, type ResolvedConfig } from "./resolve.ts";

const vkey = "log.example/npm+caaf430b+AQZd48zwXEvPIzkT+69rYaKheY8DByr46GgAAY0QwNHN";
const witness = await createTinyWitness("w1.example.com/w", "ab".repeat(32));
const url = "https://sum.example.com";

function resolved(env: Environment, file?: string): ResolvedConfig {
  return resolveConfig({
    flags: new Map(),
    env: readEnv({ ASSAY_UPSTREAM: "https://registry.example.com", ...env }, "/shop"),
    file: file === undefined ? undefined : readConfigFile(file, "/etc/assay.yaml"),
    remembered: undefined,
    npm: { failure: "not asked" },
    secretFiles: new Map(),
    cwd: "/shop",
    home: "/home/ann",
  });
}

function problem(env: Environment): string {
  try {
    resolved(env);
  } catch (error) {
    assert.ok(isAssayError(error, "CONFIG"), String(error));
    return error.message;
  }
  assert.fail("it was accepted");
}

test("without a word about it no database is followed, and the server is a registry", () => {
  const { config } = resolved({});
  assert.deepEqual([config.checksums, config.role], [undefined, "registry"]);
});

test("a followed database is a URL, a pinned key, and a policy as a block of text", () => {
  const file = `checksums:\n  url: ${url}/\n  vkey: ${vkey}\n  witnesses: |\n    witness w1 ${witness.vkey}\n    quorum w1\n  maxAgeSeconds: 600\n`;
  const witnesses = `witness w1 ${witness.vkey}\nquorum w1\n`;
  assert.deepEqual(resolved({}, file).config.checksums, { url, vkey, witnesses, maxAgeSeconds: 600 });
  const { checksums } = resolved({ ASSAY_CHECKSUMS_URL: url, ASSAY_CHECKSUMS_VKEY: vkey }).config;
  assert.deepEqual(checksums, { url, vkey, witnesses: undefined, maxAgeSeconds: undefined });
});

const both = { ASSAY_CHECKSUMS_URL: url, ASSAY_CHECKSUMS_VKEY: vkey };
const wrong: Readonly<Record<string, [Environment, RegExp]>> = {
  "no key": [{ ASSAY_CHECKSUMS_URL: url }, /checksums\.vkey must pin the log's key/],
  "no URL": [
    { ASSAY_CHECKSUMS_VKEY: vkey },
    /checksums\.vkey \(ASSAY_CHECKSUMS_VKEY\) is set, but checksums\.url is not/,
  ],
  "a cosigner's key": [{ ...both, ASSAY_CHECKSUMS_VKEY: witness.vkey }, /checksums\.vkey \(.*must be a log's key/],
  "a key with a wrong ID": [{ ...both, ASSAY_CHECKSUMS_VKEY: vkey.replace("caaf", "caaa") }, /must be a log's key/],
  "a policy that is none": [{ ...both, ASSAY_CHECKSUMS_WITNESSES: "quorum w1" }, /must be a witness policy/],
  "an age without witnesses": [{ ...both, ASSAY_CHECKSUMS_MAX_AGE_SECONDS: "600" }, /only the clocks of witnesses say/],
  itself: [{ ...both, ASSAY_CHECKSUMS_URL: "http://localhost:4873" }, /which is this server itself/],
  "a database that follows one": [{ ...both, ASSAY_ROLE: "log" }, /a database keeps a log of its own/],
  "another role": [{ ASSAY_ROLE: "mirror" }, /role \(ASSAY_ROLE\) is "mirror" but must be registry or log/],
};

for (const [what, [env, reason]] of Object.entries(wrong)) {
  test(`refuses ${what}`, () => assert.match(problem(env), reason));
}
