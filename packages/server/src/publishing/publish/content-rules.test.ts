import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNamePattern, parsePackageName } from "@assay/core";
import type { Config, HostedConfig } from "../../config/config.ts";
import { hostedSaidOf } from "../../identity/identity.ts";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import { createContentRules } from "./content-rules.ts";

const key = "secrets/private-key key.pem";
const member = (names: string, more: Partial<HostedConfig> = {}): HostedConfig => ({
  names: [parseNamePattern(names)],
  organisation: "acme",
  visibility: undefined,
  publish: "direct",
  provenance: undefined,
  allowedSecrets: undefined,
  ...more,
});

function rules(registry: Pick<Config["publish"], "provenance" | "allowedSecrets">, ...hosted: HostedConfig[]) {
  const upstreams = [upstreamConfig({ url: "https://registry.example.com", names: ["*", "@acme/theirs-*"] })];
  const rulesOf = createContentRules(registry, (name) => hostedSaidOf({ hosted, upstreams }, name));
  return (name: string) => {
    const { provenance, allowsSecret } = rulesOf(parsePackageName(name));
    return [provenance, allowsSecret("key.pem", "secrets/private-key")] as const;
  };
}

for (const provenance of ["require", "warn", "off"] as const)
  test(`a scope says ${provenance} of its names, and nothing of another's, whose rule or the registry decides`, () => {
    for (const registry of ["require", "warn", "off"] as const) {
      const of = rules(
        { provenance: registry, allowedSecrets: [] },
        member("@acme/*", { provenance }),
        member("@acme/plain"),
        member("@umbrella/*", { provenance: "off" }),
      );
      assert.deepEqual(
        ["@acme/x", "@acme/plain", "@umbrella/x", "@acmes/x", "@initech/x", "acme"].map((name) => of(name)[0]),
        [provenance, registry, "off", registry, registry, registry],
      );
      assert.equal(of("@acme/theirs-x")[0], registry, "what an upstream owns inside is under no rule here");
    }
  });

test("the files that a scope lets pass are its own packages'; without a list the registry's counts", () => {
  const registry = { provenance: "off", allowedSecrets: [`@acme/a ${key}`, `@umbrella/a ${key}`] } as const;
  const of = rules(
    registry,
    member("@acme/*", { allowedSecrets: [`@acme/b ${key}`] }),
    member("@umbrella/*"),
    member("@initech/*", { allowedSecrets: [`@umbrella/b ${key}`] }),
  );
  assert.deepEqual(
    ["@acme/a", "@acme/b", "@umbrella/a", "@umbrella/b", "@initech/a"].map((name) => of(name)[1]),
    [false, true, true, false, false],
  );
  assert.equal(rules(registry, member("@acme/*", { allowedSecrets: [] }))("@acme/a")[1], false, "an empty list is one");
});

test("the scope of an organisation that the configuration names is not under a wider pattern", () => {
  const hosted = member("*", { provenance: "require" });
  assert.deepEqual(
    ["@acme/x", "@acorn/x"].map((name) => rules({ provenance: "off", allowedSecrets: [] }, hosted)(name)[0]),
    ["off", "require"],
  );
});
