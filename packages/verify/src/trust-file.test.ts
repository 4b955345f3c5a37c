import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { formatVkey, isAssayError, parsePackageName, parsePolicy, parseVersion, sha256Portable } from "@assay/core";
import { integrityOf } from "@assay/testkit/tiny-log";
import { checkDistinct, decidesName, trustLog, trustLogs, vkeyFingerprint, type TrustPolicy } from "./trust.ts";
import { formatTrustFile, parseTrustFile } from "./trust-file.ts";

const key = new Uint8Array(32).fill(7);
const vkey = formatVkey("log.example.com/-/log/npm-2026a", 1, key);
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const file = (logs: unknown): Uint8Array => encode({ format: "assay-trust/v1", logs });

test("reads what it writes", () => {
  const origin = fc.stringMatching(/^[a-z]{1,10}\.example\.com\/[a-z0-9]{1,10}$/);
  const url = fc.option(fc.constantFrom("https://a.example.com/log", "http://127.0.0.1:4873/x/y"), {
    nil: undefined,
  });
  const logs = fc.uniqueArray(fc.tuple(origin, url), { selector: ([name]) => name, minLength: 1 });
  const policies = fc.record({
    logs,
    quorum: fc.constantFrom("none", "w1", "both"),
    maxAgeSeconds: fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined }),
    supersedes: fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 3 }),
    accept: fc.boolean(),
    allow: fc.uniqueArray(fc.stringMatching(/^[a-z@/:.]{1,12}$/), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(policies, (given) => {
      const trusted = given.logs.map(([name, place], i) =>
        // Every shard has a key of its own.
        trustLog(formatVkey(name, 1, new Uint8Array(32).fill(100 + i)), place),
      );
      const policy: TrustPolicy = {
        ...trustLogs(trusted),
        witnesses: given.quorum === "none" ? trustLogs(trusted).witnesses : witnessesOf(given.quorum),
        maxAgeSeconds: given.maxAgeSeconds,
        supersedes: given.supersedes.map((name) => ({
          name: parsePackageName(name),
          version: parseVersion("1.0.0"),
          integrity: integrityOf(name),
        })),
        accept: new Set(given.accept ? (["through-record"] as const) : []),
        allow: new Set(given.allow),
      };
      assert.deepEqual(parseTrustFile(new TextEncoder().encode(formatTrustFile(policy))), policy);
    }),
  );
});

const witnessKey = (seed: number): string => formatVkey(`w${seed}.example.com`, 4, new Uint8Array(32).fill(seed));
const lines = (quorum: string): string[] => [
  `witness w1 ${witnessKey(1)}`,
  `witness w2 ${witnessKey(2)}`,
  "group both all w1 w2",
  `quorum ${quorum}`,
];
const witnessesOf = (quorum: string) => parsePolicy(`${lines(quorum).join("\n")}\n`);

test("a file of the first format believes its logs, and lets nothing pass", () => {
  assert.deepEqual(parseTrustFile(file([{ vkey }])), trustLogs([trustLog(vkey)]));
});

test("a fingerprint is of the whole vkey", () => {
  // The example of docs/formats/trust-file.md.
  const example = "log.example/npm+caaf430b+AQZd48zwXEvPIzkT+69rYaKheY8DByr46GgAAY0QwNHN";
  assert.equal(vkeyFingerprint(sha256Portable, example), "SHA256:G747eN9ab/HgFJV9n3wFL80ALfbH2p/rnMYx3xPwokQ");
  const print = vkeyFingerprint(sha256Portable, vkey);
  assert.match(print, /^SHA256:[A-Za-z0-9+/]{43}$/);
  const renamed = formatVkey("log.example.com/-/log/npm-2026b", 1, key);
  assert.notEqual(vkeyFingerprint(sha256Portable, renamed), print);
});

const second = (rest: object): Uint8Array => encode({ format: "assay-trust/v2", logs: [{ vkey }], ...rest });

const refused: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
  "another format": [encode({ format: "assay-trust/v4", logs: [{ vkey }] }), /format must be/],
  "what the first format has not": [encode({ format: "assay-trust/v1", logs: [{ vkey }], allow: [] }), /"allow"/],
  "witnesses that are no lines": [second({ witnesses: "quorum none" }), /witnesses must be a list/],
  "a witness line that is none": [second({ witnesses: [`log ${vkey}`] }), /is no witness, group or quorum line/],
  "a witness line that is malformed": [second({ witnesses: ["witness a b"] }), /witnesses\[0\]/],
  "no quorum line": [second({ witnesses: [`witness w1 ${witnessKey(1)}`] }), /witnesses: it has no quorum line/],
  "a log that is its own witness": [
    second({ witnesses: [`witness w ${formatVkey("w.example.com", 4, key)}`, "quorum w"] }),
    /witnesses\[0\]: the public key of w\.example\.com is there twice/,
  ],
  "a line with a line break": [second({ witnesses: ["quorum none\nquorum none"] }), /control character/],
  "an age of nothing": [second({ maxAgeSeconds: 0 }), /maxAgeSeconds/],
  "a supersede without bytes": [
    second({ supersedes: [{ name: "a", version: "1.0.0" }] }),
    /supersedes\[0\]\.integrity/,
  ],
  "a supersede of no package": [
    second({ supersedes: [{ name: "..", version: "1.0.0", integrity: integrityOf("a") }] }),
    /supersedes\[0\]: Not a package name/,
  ],
  "a category that nobody may accept": [second({ accept: ["mismatching"] }), /only through-record can be accepted/],
  "a name that drives a terminal": [second({ allow: ["\u001b[31m"] }), /allow\[0\] holds a control character/],
  "no log": [file([]), /list of 1 to 64/],
  "no list": [file({ vkey }), /logs must be a list of at most 64/],
  "an unknown field": [encode({ format: "assay-trust/v1", logs: [{ vkey }], extra: 1 }), /"extra"/],
  "an unknown field of a log": [file([{ vkey, key: "x" }]), /"key"/],
  "a log without vkey": [file([{ url: "https://a.example.com" }]), /logs\[0\]\.vkey/],
  "a vkey with a wrong key ID": [file([{ vkey: vkey.replace(/\+[0-9a-f]{8}\+/, "+00000000+") }]), /logs\[0\]/],
  "a cosigner's key": [file([{ vkey: formatVkey("w.example.com", 4, key) }]), /type 4/],
  "one origin twice": [file([{ vkey }, { vkey }]), /two keys for the log/],
  "a file URL": [file([{ vkey, url: "file:///etc" }]), /not an http or https URL/],
  "a URL with a password": [file([{ vkey, url: "https://a:b@log.example.com" }]), /no user/],
  "a key twice": [
    new TextEncoder().encode(`{"format":"assay-trust/v1","logs":[{"vkey":"${vkey}","vkey":"${vkey}"}]}`),
    /twice/,
  ],
  "too much": [new Uint8Array(300_000).fill(0x20), /larger than/],
  "no JSON": [new TextEncoder().encode("vkey"), /JSON/],
};

for (const [what, [bytes, reason]] of Object.entries(refused)) {
  test(`refuses a trust file with ${what}`, () => {
    assert.throws(
      () => parseTrustFile(bytes),
      (error) => isAssayError(error, "BAD_FORMAT") && reason.test(error.message),
    );
  });
}

test("a second key for one origin is refused on the command line too", () => {
  const other = formatVkey(
    "log.example.com/-/log/npm-2026a",
    1,
    key.map(() => 8),
  );
  assert.throws(() => checkDistinct([trustLog(vkey), trustLog(other)]), /two keys/);
});

const hosted = formatVkey("log.example.com/-/log/org-acme-2026a", 1, key);
const open = vkey;

test("v3 says which names a log alone decides, and is written when one does", () => {
  const document = { format: "assay-trust/v3", logs: [{ vkey: hosted, names: ["@acme/*", "tool"] }, { vkey: open }] };
  const policy = parseTrustFile(encode(document));
  assert.deepEqual(policy.logs[0]?.names, ["@acme/*", "tool"]);
  assert.match(formatTrustFile(policy), /"assay-trust\/v3"/);
  assert.deepEqual(parseTrustFile(new TextEncoder().encode(formatTrustFile(policy))), policy);
});

test("names in an older format, an empty list and what is no pattern are refused", () => {
  const refused = (format: string, names: unknown) =>
    assert.throws(() => parseTrustFile(encode({ format, logs: [{ vkey: hosted, names }] })), {
      code: "BAD_FORMAT",
    });
  refused("assay-trust/v2", ["@acme/*"]);
  for (const names of [[], "@acme/*", ["@acme*"], ["a*b"], [""], [7]]) refused("assay-trust/v3", names);
});

test("a log with names decides those alone, and nobody else does", () => {
  const acme = trustLog(hosted, undefined, ["@acme/*", "tool"]);
  const npm = trustLog(open);
  const ours = trustLog(formatVkey("log.example.com/-/log/org-open-2026a", 1, key), undefined, ["@acme/open-*"]);
  const logs = [acme, npm, ours];
  const who = (ns: string, name: string): readonly string[] =>
    logs.filter((log) => decidesName(logs, log, { ns, name })).map(({ origin }) => origin);
  assert.deepEqual(who("org:acme", "@acme/a"), [acme.origin]);
  assert.deepEqual(who("npm", "left-pad"), [npm.origin]);
  assert.deepEqual(who("org:acme", "tool"), [acme.origin]);
  assert.deepEqual(who("org:acme", "@acme/open-ui"), [ours.origin]);
  assert.deepEqual(who("org:acme", "left-pad"), [], "an organisation binds nothing public");
});
