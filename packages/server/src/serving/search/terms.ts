/**
 * The words of packages and of questions. They are made here and not by the database's own text search, so that SQLite
 * and PostgreSQL find the same.
 *
 * A term is one letter for where it was found and a word of letters and digits, or the digest of an exact value:
 * `n` name, `k` keyword, `d` description; `x` whole keyword, `a` author, `m` maintainer or publisher, `s` scope,
 * `h` hosted.
 */
import { createHash } from "node:crypto";
import type { SearchEntry } from "./search-index.ts";

/** Satisfied by any of its terms. */
export type Clause = readonly Term[];

export interface Term {
  readonly text: string;
  /** Also satisfied by longer words that begin with it. */
  readonly isPrefix: boolean;
}

/** A question, taken apart. All clauses of a list must be satisfied; with no clause in `all` nothing matches. */
export interface Match {
  /** What a name is compared with as a whole, in lower case; empty when only filters were given. */
  readonly exact: string;
  readonly all: readonly Clause[];
  /** The same for names alone, and for names and keywords: how good a match is. */
  readonly inNames: readonly Clause[];
  readonly inKeywords: readonly Clause[];
}

const longestWord = 40;
const mostWords = { name: 30, keywords: 100, description: 100, question: 10, filters: 10 };

/** All terms of a package, each once. */
export function termsOf(entry: SearchEntry): readonly string[] {
  const scope = scopeOf(entry.name);
  const terms = [
    ...nameWords(entry.name).map((word) => `n${word}`),
    ...entry.keywords
      .flatMap(camelWords)
      .slice(0, mostWords.keywords)
      .map((word) => `k${word}`),
    ...camelWords(entry.description)
      .slice(0, mostWords.description)
      .map((word) => `d${word}`),
    ...entry.keywords.slice(0, mostWords.keywords).map((keyword) => exactly("x", keyword)),
    ...(entry.author === "" ? [] : [exactly("a", entry.author)]),
    ...[...entry.maintainers, entry.publisher].filter((name) => name !== "").map((name) => exactly("m", name)),
    ...(scope === "" ? [] : [exactly("s", scope)]),
    ...(entry.isHosted ? [hostedTerm] : []),
  ];
  return [...new Set(terms)];
}

/** Which packages are hosted: a clause of its own. */
export const hostedTerm = "hosted";

/**
 * Reads what people and npm's client write: words, and the filters `keywords:a,b` (any of them; `a+b`: both),
 * `author:`, `maintainer:`, `scope:`, with quotes around values that hold spaces. `not:`, `is:` and weights that some
 * registries know are left out.
 */
export function parseQuestion(text: string): Match {
  const filters: Clause[] = [];
  const free: string[] = [];
  const printable = text.replaceAll(/[\p{Cc}\p{Cs}]/gu, " ");
  for (const [, qualifier = "", quoted, plain = ""] of printable.matchAll(
    /(?:([a-z-]+):)?(?:"([^"]*)"|([^\s"]+))/giu,
  )) {
    const value = quoted ?? plain;
    const filter = qualifier === "" ? undefined : filterOf(qualifier.toLowerCase(), value);
    if (filter === undefined) free.push(qualifier === "" ? value : `${qualifier}:${value}`);
    else filters.push(...filter);
  }
  const kept = filters.slice(0, mostWords.filters);
  const asked = free.flatMap(words).slice(0, mostWords.question);
  // A letter alone begins half of all words; to sort those holds up everybody.
  const isPrefix = asked.length > 1 || (asked[0]?.length ?? 0) > 1;
  const clauses = (places: string): Clause[] =>
    asked.map((word) => Array.from(places, (place) => ({ text: place + word, isPrefix })));
  return {
    exact: asked.length === 0 ? "" : free.join("-").toLowerCase(),
    all: [...clauses("nkd"), ...kept],
    inNames: clauses("n"),
    inKeywords: clauses("nk"),
  };
}

/** Clauses of a filter; undefined for what is none. */
function filterOf(qualifier: string, value: string): readonly Clause[] | undefined {
  const one = (place: string): Clause[] => [[{ text: exactly(place, value), isPrefix: false }]];
  switch (qualifier) {
    case "keywords":
    case "keyword":
      return value
        .split("+")
        .map((any) => any.split(",").map((each) => ({ text: exactly("x", each), isPrefix: false })));
    case "author":
      return one("a");
    case "maintainer":
      return one("m");
    case "scope":
      return [[{ text: exactly("s", value.replace(/^@/, "")), isPrefix: false }]];
    case "not":
    case "is":
    case "boost-exact":
    case "quality-weight":
    case "popularity-weight":
    case "maintenance-weight":
      return [];
    default:
      return undefined;
  }
}

/** Words of a name: of its scope and of the rest, and the rest without its dashes and dots. */
function nameWords(name: string): readonly string[] {
  const scope = scopeOf(name);
  const rest = scope === "" ? name : name.slice(scope.length + 2);
  const joined = words(rest.replaceAll(/[^\p{L}\p{N}]/gu, ""));
  return [...camelWords(scope), ...camelWords(rest), ...joined].slice(0, mostWords.name);
}

function scopeOf(name: string): string {
  return /^@([^/]+)\//.exec(name)?.[1] ?? "";
}

/** Lower case, without accents, split at what is no letter or digit. */
function words(text: string): readonly string[] {
  return text
    .normalize("NFKD")
    .replaceAll(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .split(/[^\p{L}\p{N}\p{M}]+/u)
    .filter((word) => word !== "")
    .map((word) => word.slice(0, longestWord).toWellFormed());
}

/** Each word, and also what a word in camelCase is put together from. */
function camelWords(text: string): readonly string[] {
  const parts = text.replaceAll(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2");
  return parts === text ? words(text) : [...words(text), ...words(parts)];
}

/** A value of any kind as one word: filters compare it whole, without case. */
function exactly(place: string, value: string): string {
  return place + createHash("sha256").update(value.trim().toLowerCase()).digest("hex").slice(0, 24);
}
