import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { readConfigFile } from "./file.ts";
import { renderSchema } from "./schema.ts";
import { hostedSettings } from "./hosted.ts";
import { settings } from "./settings.ts";
import { renderTemplate } from "./template.ts";
import { upstreamSettings } from "./upstream-settings.ts";

const read = (text: string) => readConfigFile(text, "/a/assay.yaml");
const onlyProblem = (text: string): string => {
  const { problems } = read(text);
  assert.equal(problems.length, 1, problems.join("\n"));
  return problems[0] ?? "";
};

test("reads settings with their places", () => {
  const { layer, problems } = read(
    "listen:\n  port: 80\npublicUrls:\n  - https://a.example\n  - https://b.example\nupstream: {timeouts: {connectMs: 5000}}\n",
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(
    [...layer],
    [
      ["listen.port", { value: 80, source: "/a/assay.yaml:2:9", folder: "/a" }],
      [
        "publicUrls",
        {
          value: ["https://a.example", "https://b.example"],
          source: "/a/assay.yaml:4:3",
          folder: "/a",
          items: ["/a/assay.yaml:4:5", "/a/assay.yaml:5:5"],
        },
      ],
      ["upstream.timeouts.connectMs", { value: 5000, source: "/a/assay.yaml:6:34", folder: "/a" }],
    ],
  );
});

test("an empty file, and keys without a value, say nothing", () => {
  for (const text of ["", "# only a comment\n", "---\n", "listen:\n", "listen:\n  port:\n", "publicUrls: ~\n"]) {
    assert.deepEqual(read(text), { layer: new Map(), problems: [] }, text);
  }
});

test("names what is unknown and what may have been meant", () => {
  assert.equal(onlyProblem("listn:\n  port: 1\n"), "/a/assay.yaml:1:1: listn is not a setting; did you mean listen?");
  assert.equal(onlyProblem("port: 1\n"), "/a/assay.yaml:1:1: port is not a setting; did you mean listen.port?");
  assert.equal(onlyProblem("listen:\n  colour: 1\n"), "/a/assay.yaml:2:3: listen.colour is not a setting.");
  assert.equal(
    onlyProblem("listen: 80\n"),
    "/a/assay.yaml:1:1: listen must hold settings of its own, such as listen.host.",
  );
});

test("refuses what makes one text mean another", () => {
  assert.match(onlyProblem("listen: &x\n  port: 1\n"), /anchor/);
  assert.match(onlyProblem("trustedProxies: [&x '::1', *x]\n"), /anchor/);
  assert.match(onlyProblem("publicUrls: !!str x\n"), /tag/);
  assert.match(onlyProblem("listen:\n  port: 1\n  port: 2\n"), /^\/a\/assay\.yaml:3:3 is not valid YAML: .*unique/);
  assert.match(onlyProblem("? [a]\n: 1\n"), /plain word/);
  assert.match(onlyProblem("__proto__: 1\n"), /not a setting/);
});

test("says where YAML is broken", () => {
  assert.match(onlyProblem("listen:\n\tport: 1\n"), /^\/a\/assay\.yaml:2:1 is not valid YAML/);
  assert.match(onlyProblem("- a\n"), /key: value/);
  assert.match(onlyProblem("just text\n"), /key: value/);
  assert.match(onlyProblem(`# ${"x".repeat(300_000)}`), /larger than/);
  assert.notEqual(read("a: [").problems.length, 0);
});

test("never throws, whatever the text", () => {
  const piece = fc.constantFrom(
    "listen",
    "port",
    ":",
    " ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&a",
    "*a",
    "!t",
    "?",
    "|",
    ">",
    "'",
    '"',
    "#",
    "1",
    "<<",
    "---",
    "...",
    "%",
    "\t",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 20 }).map((parts) => parts.join("")),
      (text) => void read(text),
    ),
    { numRuns: 1000 },
  );
});

test("every setting has a name of its own, a variable of its own and a default that it accepts itself", () => {
  assert.equal(new Set(settings.map(({ key }) => key)).size, settings.length);
  assert.equal(new Set(settings.map(({ env }) => env)).size, settings.length);
  for (const { key, env, kind, fallback, example, doc } of settings) {
    assert.match(env, /^ASSAY_[A-Z0-9_]+$/);
    assert.match(doc, /\.$/, key);
    assert.notEqual(kind.read(fallback ?? example), undefined, key);
  }
});

test("the template as it stands changes nothing", () => {
  assert.deepEqual(readConfigFile(renderTemplate(), "/a/assay.yaml"), { layer: new Map(), problems: [] });
});

test("the template without its comment signs is every default", () => {
  const text = renderTemplate().replace(/^( *)#(?=[A-Za-z])/gm, "$1");
  const { layer, upstreams, problems } = read(text);
  assert.deepEqual(problems, []);
  const [upstream] = upstreams?.entries ?? [];
  assert.deepEqual([...(upstream?.layer.keys() ?? [])].sort(), upstreamSettings.map(({ key }) => key).sort());
  assert.deepEqual([...layer.keys()].sort(), settings.map(({ key }) => key).sort());
  for (const { key, kind, fallback, example } of settings) {
    assert.deepEqual(kind.read(layer.get(key)?.value), kind.read(fallback ?? example), key);
  }
});

test("the schema for editors is current (tools/write-schema.ts renews it)", () => {
  assert.equal(
    readFileSync(new URL("../../../../docs/operations/assay.schema.json", import.meta.url), "utf8"),
    renderSchema(),
  );
});

test("the schema knows every setting and nothing else", () => {
  const schema = parse(renderSchema()) as Record<string, unknown>;
  let keys: string[] = [];
  const walk = (branch: Record<string, unknown>, prefix: string): void => {
    assert.equal(branch["additionalProperties"], false);
    for (const [name, value] of Object.entries(branch["properties"] as Record<string, Record<string, unknown>>)) {
      if ("properties" in value) walk(value, `${prefix}${name}.`);
      else keys.push(prefix + name);
    }
  };
  walk(schema, "");
  assert.deepEqual(keys.sort(), [...settings.map(({ key }) => key), "hosted", "upstreams"].sort());
  keys = [];
  const { upstreams, hosted } = schema["properties"] as {
    upstreams: { additionalProperties: Record<string, unknown> };
    hosted: { items: Record<string, unknown> };
  };
  walk(upstreams.additionalProperties, "");
  assert.deepEqual(keys.sort(), upstreamSettings.map(({ key }) => key).sort());
  keys = [];
  walk(hosted.items, "");
  assert.deepEqual(keys.sort(), hostedSettings.map(({ key }) => key).sort());
});
