import assert from "node:assert/strict";
import test from "node:test";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import type { UpstreamConfig } from "./config/config.ts";
import type { LoadedConfig } from "./config/load.ts";
import { welcome } from "./welcome.ts";

const upstreams: readonly UpstreamConfig[] = [
  upstreamConfig({ name: "npm", url: "https://up.example.com" }),
  upstreamConfig({ name: "near", kind: "mirror", of: "npm", url: "https://xn--bcher-kva.example" }),
];
const config = { upstreams, dataFolder: "/srv/assay" };
const loaded = { config } as LoadedConfig;

test("shows the address, every client, the open log's key, and a command that can be run anywhere", () => {
  const vkey = "log.example.com/x+00000000+AAAA";
  const text = welcome({
    version: "1.2.3",
    loaded,
    publicUrls: ["http://127.0.0.1:4873"],
    logs: [{ log: "npm", shard: "x", origin: "log.example.com/x", vkey, state: "open", visibility: "private" }],
    firstRun: "s3cret",
  });
  for (const client of ["npm", "pnpm", "Yarn 4", "Yarn 1", "Bun", "Deno", "vlt"])
    assert.match(text, new RegExp(`^ {2}${client} .*127\\.0\\.0\\.1:4873`, "m"));
  assert.match(text, /unsafeHttpWhitelist/);
  assert.ok(text.includes(`Log key   ${vkey}\n`));
  assert.match(
    text,
    /^Verify {4}'?\/.*\/node_modules\/\.bin\/assay'? verify --registry http:\/\/127\.0\.0\.1:4873 --trust '/m,
  );
  assert.match(text, /^Upstream {2}npm: https:\/\/up\.example\.com$/m);
  assert.match(text, /^ {10}near: https:\/\/xn--bcher-kva\.example \(bücher\.example\) \(mirror of npm\)$/m);
  assert.match(text, /^Admin {5}http:\/\/127\.0\.0\.1:4873\/-\/web\/first-run\?secret=s3cret /m);
  assert.match(text, /^Data {6}\/srv\/assay$/m);
});

test("behind https no client is told to allow http", () => {
  const text = welcome({
    version: "1.2.3",
    loaded,
    publicUrls: ["https://registry.example.com"],
    logs: [],
    firstRun: undefined,
  });
  assert.doesNotMatch(text, /unsafeHttpWhitelist/);
  assert.doesNotMatch(text, /first-run/);
  assert.match(text, /^Log key {3}none yet$/m);
});
