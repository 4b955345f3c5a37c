import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError, parseIntegrity, parsePackageName, parseVersion } from "@assay/core";
import type { Described } from "../publish/publish-request.ts";
import { createContentRules } from "../publish/content-rules.ts";
import { prepareApproved } from "./approve.ts";
import type { WholeStage } from "./store.ts";

test("approval asks again for provenance, by the rules of today; what is refused is stored nowhere", async () => {
  const [name, version] = [parsePackageName("@acme/ui"), parseVersion("1.0.0")];
  const tarball = {
    integrity: parseIntegrity(`sha512-${Buffer.alloc(64).toString("base64")}`),
    sha1: "a".repeat(40),
    sizeBytes: 5,
  };
  const request: Described = {
    name,
    version,
    tags: ["latest"],
    access: undefined,
    manifest: { name, version },
    readme: undefined,
    tarball,
    provenance: undefined,
  };
  const stage = {
    name,
    request,
    archive: {
      verdict: "accepted",
      tree: "t1-x",
      fileCount: 1,
      unpackedBytes: 9,
      hasGypFile: false,
      hasShrinkwrap: false,
      odd: [],
      secrets: [],
    },
    actor: { id: "person:ada", name: "ada", kind: "person" },
    authorship: {
      act: "publish",
      by: "person:ada",
      owner: undefined,
      publisher: undefined,
      publishedAtMs: undefined,
      deprecated: null,
    },
  } as unknown as WholeStage;
  let prepared = 0;
  const approve = (said: "require" | "off", registry: "require" | "off") =>
    prepareApproved(
      {
        names: { find: () => undefined } as never,
        permissions: {} as never,
        admission: { prepareHeld: async () => void prepared++ } as never,
      },
      stage,
      { name: "bob" },
      createContentRules({ provenance: registry, allowedSecrets: [] }, () => ({
        provenance: said,
        allowedSecrets: undefined,
      })),
    );
  await assert.rejects(
    approve("require", "off"),
    (error) => isAssayError(error, "BLOCKED") && error.details.rule === "provenance/missing",
  );
  assert.equal(prepared, 0);
  await approve("off", "require");
  assert.equal(prepared, 1);
});
