import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, type EpochMs } from "@assay/core";
import fc from "fast-check";
import { parseTokenRequest } from "./token-request.ts";

const dayMs = 86_400_000;
const surroundings = { nowMs: 1000 as EpochMs, maxTokenDays: 90, agent: "npm/12.2.0" };
const parse = (body: unknown) => parseTokenRequest(body, surroundings);

test("reads what npm up to 11 sends: read-write unless it says readonly", () => {
  const { bounds, name } = parse({ password: "p", readonly: false, cidr_whitelist: ["10.0.0.0/8"] });
  assert.equal(name, "made by npm/12.2.0");
  assert.deepEqual(bounds, {
    level: "read-write",
    packages: undefined,
    organisations: undefined,
    cidrs: ["10.0.0.0/8"],
    expiresAtMs: 1000 + 90 * dayMs,
  });
  assert.equal(parse({ password: "p", readonly: true }).bounds.level, "read-only");
});

test("reads what npm 12 sends: nothing said reads, lists narrow, no-access is no package at all", () => {
  assert.deepEqual(parse({ name: "x" }).bounds.level, "read-only");
  const grant = (body: object) => {
    const { level, packages, organisations } = parse(body).bounds;
    return [level, packages, organisations];
  };
  assert.deepEqual(grant({ packages: ["left"], scopes: ["@acme"] }), ["read-only", ["left", "@acme/*"], []]);
  assert.deepEqual(grant({ packages_all: true, packages_and_scopes_permission: "read-write" }), [
    "read-write",
    undefined,
    [],
  ]);
  assert.deepEqual(grant({ orgs: ["acme"], orgs_permission: "read-write" }), ["read-write", [], ["acme"]]);
  assert.deepEqual(
    grant({ packages_and_scopes_permission: "no-access", orgs: ["acme"], orgs_permission: "read-write" }),
    ["read-write", [], ["acme"]],
  );
  assert.deepEqual(grant({ packages: ["left"], packages_and_scopes_permission: "no-access" }), ["read-only", [], []]);
});

test("both spellings mean the same", () => {
  const day = new Date(1000 + dayMs).toISOString();
  assert.deepEqual(
    parse({ description: "d", cidr_whitelist: ["::1"], expires: 1 }),
    parse({ token_description: "d", cidr: ["::1"], expiry: day }),
  );
});

test("refuses by name what may not be", () => {
  for (const [body, words] of [
    [[], /object/],
    [{ expires: 91 }, /at most 90 days/],
    [{ expires: 0 }, /still to come/],
    [{ expires: "yesterday" }, /still to come/],
    [{ cidr_whitelist: ["300.0.0.0/8"] }, /cidr_whitelist/],
    [{ packages: "left" }, /packages/],
    [{ packages: ["@acme*"] }, /packages/],
    [{ scopes: ["a/b"] }, /packages and scopes/],
    [{ packages_and_scopes_permission: "everything" }, /packages_and_scopes_permission/],
    [{ packages_and_scopes_permission: "__proto__" }, /packages_and_scopes_permission/],
    [{ packages: ["left"], orgs: ["acme"], orgs_permission: "read-write" }, /one permission/],
    [{ bypass_2fa: true }, /bypass_2fa/],
    [{ name: "a\nb" }, /name/],
    [{ orgs: ["A!"], orgs_permission: "read-write" }, /orgs/],
  ] as const)
    assert.throws(
      () => parse(body),
      (error) => isAssayError(error, "BAD_REQUEST") && words.test(error.message),
      JSON.stringify(body),
    );
});

test("whatever is sent, it is read or refused, and never lives longer than it may", () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom("read-only", "read-write", 5, true, ["left"], null));
  const fields = [
    "packages",
    "scopes",
    "orgs",
    "expires",
    "cidr",
    "packages_and_scopes_permission",
    "readonly",
    "name",
  ];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...fields), value), (body) => {
      try {
        const { expiresAtMs = Infinity } = parse(body).bounds;
        assert.ok(expiresAtMs > 1000 && expiresAtMs <= 1000 + 90 * dayMs);
      } catch (error) {
        if (!isAssayError(error, "BAD_REQUEST")) throw error;
      }
    }),
  );
});
