import assert from "node:assert/strict";
import { test } from "node:test";
import type { PackageName, Version } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { describe } from "./entry.ts";
import { searchMigrations } from "./migrations.ts";
import { openSearchIndex } from "./open-search-index.ts";
import type { SearchEntry, SearchIndex } from "./search-index.ts";
import { parseQuestion } from "./terms.ts";

function entry(name: string, manifest: Readonly<Record<string, unknown>> = {}, isHosted = false): SearchEntry {
  return describe(manifest, {
    name: name as PackageName,
    isHosted,
    version: "1.0.0" as Version,
    dateMs: 1,
    updatedMs: 2,
  });
}

onEveryDatabase("the search index", ({ fresh }) => {
  async function indexOf(...entries: readonly SearchEntry[]) {
    const database = await fresh(searchMigrations);
    const index = openSearchIndex(database);
    await database.write(async (transaction) => {
      for (const each of entries) await index.put(transaction, each);
    });
    return { database, index };
  }

  async function find(
    index: SearchIndex,
    text: string,
    request: { from?: number; size?: number; hidden?: string[] } = {},
  ) {
    const hidden = (request.hidden ?? []) as PackageName[];
    const found = await index.page(parseQuestion(text), { from: request.from ?? 0, size: request.size ?? 20, hidden });
    return { total: found.total, names: found.entries.map(({ name }) => name as string) };
  }

  test("puts the exact name first, then the name after the scope, beginnings, names, keywords, descriptions", async () => {
    const { index } = await indexOf(
      entry("a-bag-of-tests", { description: "everything for vite" }),
      entry("rollup-plugins", { keywords: ["vite", "rollup"] }),
      entry("plugin-for-vite"),
      entry("vitest"),
      entry("vite-node"),
      entry("@acme/vite"),
      entry("vite"),
      entry("webpack", { description: "no word of it" }),
    );
    assert.deepEqual(await find(index, "vite"), {
      total: 7,
      names: ["vite", "@acme/vite", "vitest", "vite-node", "plugin-for-vite", "rollup-plugins", "a-bag-of-tests"],
    });
  });

  test("finds the parts of a name: scope, dashes, dots, camelCase, and all of it without dashes", async () => {
    const { index } = await indexOf(entry("@acme/left-pad.core"), entry("camelCaseName"), entry("other"));
    for (const text of ["acme", "pad", "left pad", "core left", "leftpad", "@acme/left-pad.core", "LEFT"]) {
      assert.deepEqual((await find(index, text)).names, ["@acme/left-pad.core"], text);
    }
    for (const text of ["camel", "case", "casename", "camelcasename", "camelCaseName"]) {
      const names = text === "casename" ? [] : ["camelCaseName"];
      assert.deepEqual((await find(index, text)).names, names, text);
    }
  });

  test("every word must be there, and its beginning is enough", async () => {
    const { index } = await indexOf(
      entry("one", { description: "parses semantic versions" }),
      entry("two", { keywords: ["parsing", "versions"] }),
      entry("three", { description: "versions" }),
    );
    assert.deepEqual(await find(index, "pars version"), { total: 2, names: ["two", "one"] });
    assert.deepEqual(await find(index, "arses"), { total: 0, names: [] });
  });

  test("one letter alone is a word, not the beginning of half of all words", async () => {
    const { index } = await indexOf(entry("q"), entry("queue"), entry("d-q"), entry("d-queue"));
    assert.deepEqual(await find(index, "q"), { total: 2, names: ["q", "d-q"] });
    assert.deepEqual(await find(index, "d q"), { total: 2, names: ["d-q", "d-queue"] });
    assert.equal((await find(index, "qu")).total, 2);
  });

  test("filters by whole keywords, author, maintainer and scope", async () => {
    const { index } = await indexOf(
      entry("@acme/one", { keywords: ["date picker", "ui"], author: { name: "Ada" }, maintainers: [{ name: "bob" }] }),
      entry("two", { keywords: ["date"], author: "Ada <ada@example.com>", _npmUser: { name: "Carol" } }),
      entry("three", { keywords: ["ui", "date"], author: "Adam" }),
    );
    assert.deepEqual((await find(index, "keywords:date")).names, ["two", "three"]);
    assert.deepEqual((await find(index, 'keywords:"date picker"')).names, ["@acme/one"]);
    assert.deepEqual((await find(index, "keywords:ui,date")).total, 3);
    assert.deepEqual((await find(index, "keywords:ui+date")).names, ["three"]);
    assert.deepEqual((await find(index, "author:ada")).names, ["two", "@acme/one"]);
    assert.deepEqual((await find(index, "maintainer:bob")).names, ["@acme/one"]);
    assert.deepEqual((await find(index, "maintainer:carol")).names, ["two"]);
    assert.deepEqual((await find(index, "scope:acme")).names, ["@acme/one"]);
    assert.deepEqual((await find(index, "scope:@acme not:deprecated")).names, ["@acme/one"]);
    assert.deepEqual((await find(index, "author:ada date keywords:ui")).names, ["@acme/one"]);
  });

  test("pages through all of it once, with the same total on every page", async () => {
    const { index } = await indexOf(...Array.from({ length: 25 }, (_, at) => entry(`pack-${at}`)));
    const seen: string[] = [];
    for (let from = 0; from < 30; from += 10) {
      const page = await find(index, "pack", { from, size: 10 });
      assert.equal(page.total, 25);
      seen.push(...page.names);
    }
    assert.equal(new Set(seen).size, 25);
    assert.deepEqual(await find(index, "pack", { from: 100 }), { total: 25, names: [] });
  });

  test("what is hidden is neither shown nor counted", async () => {
    const { index } = await indexOf(entry("@acme/secret", {}, true), entry("@acme/open", {}, true), entry("secretary"));
    assert.deepEqual(await index.hosted(parseQuestion("secret")), ["@acme/secret"]);
    assert.deepEqual((await index.hosted(parseQuestion("scope:acme"))).toSorted(), ["@acme/open", "@acme/secret"]);
    assert.deepEqual(await find(index, "secret", { hidden: ["@acme/secret"] }), { total: 1, names: ["secretary"] });
    assert.deepEqual(await find(index, "scope:acme", { hidden: ["@acme/secret", "@acme/open"] }), {
      total: 0,
      names: [],
    });
  });

  test("an entry takes the place of the one before, and can be taken out", async () => {
    const { index, database } = await indexOf(entry("lib", { description: "before" }), entry("library"));
    await database.write((transaction) => index.put(transaction, entry("lib", { description: "after" })));
    assert.deepEqual(await find(index, "before"), { total: 0, names: [] });
    assert.deepEqual(await find(index, "after"), { total: 1, names: ["lib"] });
    assert.deepEqual(await find(index, "lib"), { total: 2, names: ["lib", "library"] });
    await database.write(async (transaction) => {
      await index.remove(transaction, "lib" as PackageName);
      await index.remove(transaction, "never-here" as PackageName);
    });
    assert.deepEqual(await find(index, "lib"), { total: 1, names: ["library"] });
  });

  test("a transaction that fails leaves the index as it was", async () => {
    const { index, database } = await indexOf(entry("kept"));
    const failed = database.write(async (transaction) => {
      await index.put(transaction, entry("lost"));
      await index.remove(transaction, "kept" as PackageName);
      throw new Error("on purpose");
    });
    await assert.rejects(failed, /on purpose/);
    assert.deepEqual(await find(index, "lost"), { total: 0, names: [] });
    assert.deepEqual(await find(index, "kept"), { total: 1, names: ["kept"] });
  });

  test("questions and listings of any text are words, never syntax", async () => {
    const hostile = [
      '" OR n*',
      "'); drop table search_packages; --",
      "a:*|b",
      "NEAR(a b)",
      "\\",
      "%_",
      "*",
      "-",
      "\u0000x",
      "\ud800",
    ];
    const { index } = await indexOf(
      entry("calm"),
      ...hostile.map((text, at) => entry(`h${at}`, { description: text, keywords: [text] })),
    );
    for (const text of [
      ...hostile,
      ...hostile.map((each) => `keywords:${each}`),
      '"',
      ":",
      "keywords:",
      "::",
      "author:",
    ]) {
      const { total, names } = await find(index, text);
      assert.equal(total, names.length, text);
      assert.ok(!names.includes("calm"), text);
    }
    assert.deepEqual(await find(index, "calm"), { total: 1, names: ["calm"] });
  });

  test("an entry comes back as it was put", async () => {
    const put = entry("@acme/whole", {
      description: "Zeichenkette \u0000 日本語",
      keywords: ["a", 5, null, "b"],
      license: { type: "MIT" },
      homepage: "https://example.com/#readme",
      repository: { url: "git+https://example.com/x.git" },
      bugs: "javascript:alert(1)",
      author: "Ada <ada@example.com>",
    });
    const { index } = await indexOf(put);
    const found = await index.page(parseQuestion("日本"), { from: 0, size: 1, hidden: [] });
    assert.deepEqual(found.entries, [put]);
    assert.equal(put.bugs, "");
    assert.equal(put.author, "Ada");
    assert.equal(put.license, "MIT");
  });
});
