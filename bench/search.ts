/**
 * A search among many packages: what the index costs, on SQLite and on PostgreSQL. The packages are made up from the
 * names of popular ones: names of one to three words, half of them scoped, keywords, a description of twelve words,
 * common words as often as in real text.
 *
 * `node bench/search.ts [packages] [rounds]`
 */
import { mkdtemp, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PackageName, Version } from "@assay/core";
import type { Database } from "@assay/server/platform/database/database";
import { runMigrations } from "@assay/server/platform/database/migrate";
import { createPostgresDatabase } from "@assay/server/platform/database/postgres";
import { createSqliteDatabase } from "@assay/server/platform/database/sqlite";
import { createSystemClock } from "@assay/server/platform/system-clock";
import { createSystemRandom } from "@assay/server/platform/system-random";
import { missingPostgres, startPostgres } from "@assay/testkit/postgres";
import { describe } from "../packages/server/src/serving/search/entry.ts";
import { searchMigrations } from "../packages/server/src/serving/search/migrations.ts";
import { openSearchIndex } from "../packages/server/src/serving/search/open-search-index.ts";
import type { SearchEntry } from "../packages/server/src/serving/search/search-index.ts";
import { parseQuestion } from "../packages/server/src/serving/search/terms.ts";
import { figure } from "./numbers.ts";

const popular = readFileSync(path.join(import.meta.dirname, "../packages/testkit/data/popular-npm-names.txt"), "utf8")
  .split("\n")
  .filter((name) => name !== "");
const vocabulary = [...new Set(popular.flatMap((name) => name.split(/[^a-z0-9]+/)))].filter((word) => word.length > 1);

const [count = 100_000, rounds = 400] = process.argv.slice(2).map(Number);
const clock = createSystemClock();
const random = createSystemRandom();

/** Numbers from 0 to 1 that are the same in every run. */
function createNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The first words are the common ones: squared, so that some match thousands of packages. */
function wordFrom(next: () => number): string {
  return vocabulary[Math.floor(next() ** 2 * vocabulary.length)] ?? "module";
}

function makeEntry(at: number, next: () => number): SearchEntry {
  const words = Array.from({ length: 1 + Math.floor(next() * 3) }, () => wordFrom(next));
  const name = `${next() < 0.5 ? `@${wordFrom(next)}/` : ""}${words.join("-")}-${at}`;
  const description = Array.from({ length: 12 }, () => wordFrom(next)).join(" ");
  const keywords = Array.from({ length: 4 }, () => wordFrom(next));
  const manifest = { description, keywords, author: wordFrom(next), maintainers: [{ name: wordFrom(next) }] };
  const of = { isHosted: false, version: "1.0.0" as Version, dateMs: 1, updatedMs: 1 };
  return describe(manifest, { ...of, name: (popular[at] ?? name) as PackageName });
}

async function fill(database: Database): Promise<number> {
  const index = openSearchIndex(database);
  const next = createNumbers(1);
  const startedMs = performance.now();
  for (let from = 0; from < count; from += 1000) {
    const entries = Array.from({ length: Math.min(1000, count - from) }, (_, at) => makeEntry(from + at, next));
    await database.write(async (transaction) => {
      for (const entry of entries) await index.put(transaction, entry);
    });
  }
  return count / ((performance.now() - startedMs) / 1000);
}

/** What people type: a name, the beginning of one, a word, two, a filter, and a letter. */
const questions: Readonly<Record<string, (next: () => number) => string>> = {
  "a name": (next) => popular[Math.floor(next() * popular.length)] ?? "",
  "a beginning": (next) => (popular[Math.floor(next() * popular.length)] ?? "").slice(0, 4),
  "a word": wordFrom,
  "two words": (next) => `${wordFrom(next)} ${wordFrom(next)}`,
  "a keyword": (next) => `keywords:${wordFrom(next)}`,
  "a word of a scope": (next) => `scope:${wordFrom(next)} ${wordFrom(next)}`,
  "one letter": (next) => "abcdefghijklmnopqrstuvwxyz".charAt(Math.floor(next() * 26)),
};

async function measure(title: string, database: Database): Promise<void> {
  await runMigrations({ database, clock }, [searchMigrations]);
  console.log(`\n${title}: ${count} packages put at ${figure(await fill(database))}/s`);
  const index = openSearchIndex(database);
  const everyday: number[] = [];
  for (const [kind, ask] of Object.entries(questions)) {
    const next = createNumbers(2);
    const times: number[] = [];
    let matches = 0;
    for (let round = 0; round < rounds; round += 1) {
      const match = parseQuestion(ask(next));
      const startedMs = performance.now();
      const hidden = await index.hosted(match);
      matches += (await index.page(match, { hidden, from: 0, size: 20 })).total;
      times.push(performance.now() - startedMs);
    }
    everyday.push(...times);
    console.log(`  ${line(kind, times)}, ${Math.round(matches / rounds)} matches on average`);
  }
  console.log(`  ${line("all of it", everyday)}`);
}

function line(title: string, times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
  return `${title.padEnd(20)} p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`;
}

const folder = await mkdtemp(path.join(tmpdir(), "assay-search-"));
try {
  await using sqlite = await createSqliteDatabase({ path: path.join(folder, "search.sqlite") });
  await measure("SQLite", sqlite);
  if (missingPostgres() === undefined) {
    await using server = await startPostgres();
    await using postgres = await createPostgresDatabase({ clock, random }, { url: await server.createDatabase("C") });
    await measure("PostgreSQL", postgres);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
