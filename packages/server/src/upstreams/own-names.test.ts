import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkError, type UpstreamClient } from "../platform/network/network.ts";
import { keepingOwnNames, namesIn } from "./own-names.ts";

test("finds the package that a path is about, in every spelling", () => {
  for (const [target, name] of [
    ["/left-pad", "left-pad"],
    ["/left-pad?write=true", "left-pad"],
    ["/@acme%2fui", "@acme/ui"],
    ["/@acme%2Fui", "@acme/ui"],
    ["/@acme/ui", "@acme/ui"],
    ["/@acme/ui/1.0.0", "@acme/ui"],
    ["/%40acme%2Fui/-/ui-1.0.0.tgz", "@acme/ui"],
    ["/left-pad/-/left-pad-1.0.0.tgz", "left-pad"],
    ["https://cdn.example.com/some/folder/@acme/ui/-/ui-1.0.0.tgz", "@acme/ui"],
    ["https://cdn.example.com/some/folder/left-pad/-/left-pad-1.0.0.tgz", "left-pad"],
    ["/-/npm/v1/attestations/@acme%2fui@1.0.0", "@acme/ui"],
    ["/-/npm/v1/attestations/left-pad@1.0.0", "left-pad"],
    ["/-/log/npm-2026a/lookup/@acme/ui@1.0.0", "@acme/ui"],
    ["/lookup/left-pad@1.0.0", "left-pad"],
    ["/-/log/proof/left-pad@1.0.0-a.b", "left-pad"],
  ] as const)
    assert.ok(namesIn(target).includes(name as never), target);
});

test("does not take the registry's own paths, files and folders for packages", () => {
  for (const target of [
    "/-/npm/v1/keys",
    "/-/npm/v1/security/advisories/bulk",
    "/-/log/npm-2026a/checkpoint",
    "https://cdn.example.com/left-pad/blob.tgz",
    "/",
  ])
    assert.deepEqual(namesIn(target), [], target);
});

test("a request for a hosted name is not sent, and none while it is not known which are", async () => {
  const sent: string[] = [];
  const client: UpstreamClient = {
    async request(target) {
      sent.push(target);
      throw new NetworkError("connection", "nobody is there");
    },
    async [Symbol.asyncDispose]() {},
  };
  let isKnown = true;
  const own = {
    has: (name: string) => name === "@acme/ui",
    async current() {
      if (!isKnown) throw new Error("the database is gone");
    },
  };
  const guarded = keepingOwnNames(own, client);
  const options = { decode: false, maxBytes: 1 };
  await assert.rejects(guarded.request("/@acme%2fui", options), /@acme\/ui is hosted here/);
  await assert.rejects(guarded.request("/@acme%2fother", options), /nobody is there/);
  isKnown = false;
  await assert.rejects(guarded.request("/@acme%2fother", options), /it cannot be known/);
  assert.deepEqual(sent, ["/@acme%2fother"]);
});
