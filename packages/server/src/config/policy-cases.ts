import { AssayError } from "@assay/core";
import { parseDocument } from "yaml";

/** What `assay policy test` reads: who there is, and what shall come out. docs/operations/policies.md. */
export interface PolicyCases {
  readonly people: Readonly<Record<string, CasePerson>>;
  readonly bots: Readonly<Record<string, CasePerson>>;
  readonly packages: Readonly<Record<string, CasePackage>>;
  readonly ci: Readonly<
    Record<string, { readonly packages: readonly string[]; readonly permissions: readonly string[] }>
  >;
  readonly cases: readonly PolicyCase[];
}

export interface CasePerson {
  readonly admin: boolean;
  /** Role by organisation. */
  readonly organisations: Readonly<Record<string, string>>;
  /** `organisation:team`. */
  readonly teams: readonly string[];
}

export interface CasePackage {
  readonly visibility: "public" | "restricted";
  readonly owners: readonly string[];
  readonly readers: readonly string[];
  readonly writers: readonly string[];
}

export interface PolicyCase {
  readonly who: string;
  readonly action: string;
  readonly what: string;
  readonly expect: "allowed" | "refused" | "hidden";
  /** Id of the policy that must decide; undefined: any. */
  readonly by: string | undefined;
  readonly via: "session" | "password" | "token";
  readonly address: string;
  readonly steppedUp: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads the file strictly. Throws USAGE with the place and what is allowed there. */
export function parsePolicyCases(text: string, path: string): PolicyCases {
  const refuse = (where: string, reason: string) => new AssayError("USAGE", { reason: `${path}: ${where} ${reason}.` });
  const document = parseDocument(text, { uniqueKeys: true, maxAliasCount: 0 } as never);
  const [wrong] = document.errors;
  if (wrong !== undefined) throw refuse("it", `is not YAML: ${wrong.message.split("\n")[0]}`);

  function object(value: unknown, where: string, known?: readonly string[]): Fields {
    if (value === undefined || value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) throw refuse(where, "must be an object");
    const strange = known && Object.keys(value).find((key) => !known.includes(key));
    if (strange !== undefined) throw refuse(where, `has no ${strange}; it has ${known?.join(", ")}`);
    return value as Fields;
  }
  function texts(value: unknown, where: string): readonly string[] {
    if (value === undefined) return [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== "string"))
      throw refuse(where, "must be a list of texts");
    return value as string[];
  }
  function word<Word extends string>(value: unknown, where: string, words: readonly Word[], fallback?: Word): Word {
    const found = value === undefined ? fallback : words.find((one) => one === value);
    if (found === undefined) throw refuse(where, `must be ${words.join(" or ")}`);
    return found;
  }
  function textOf(value: unknown, where: string): string {
    if (typeof value !== "string" || value === "") throw refuse(where, "must be a text");
    return value;
  }
  const each = <One>(value: unknown, where: string, read: (fields: unknown, at: string) => One): Record<string, One> =>
    Object.fromEntries(
      Object.entries(object(value, where)).map(([name, inner]) => [name, read(inner, `${where}.${name}`)]),
    );
  const holder = (value: unknown, at: string): CasePerson => {
    const fields = object(value, at, ["admin", "organisations", "teams"]);
    return {
      admin: fields["admin"] === true,
      organisations: each(fields["organisations"], `${at}.organisations`, (role, place) =>
        word(role, place, ["owner", "admin", "developer"]),
      ),
      teams: texts(fields["teams"], `${at}.teams`),
    };
  };

  const top = object(document.toJS(), "the file", ["people", "bots", "packages", "ci", "cases"]);
  const cases = top["cases"];
  if (!Array.isArray(cases) || cases.length === 0) throw refuse("cases", "must be a list with at least one case");
  return {
    people: each(top["people"], "people", holder),
    bots: each(top["bots"], "bots", holder),
    packages: each(top["packages"], "packages", (value, at) => {
      const fields = object(value, at, ["visibility", "owners", "readers", "writers"]);
      return {
        visibility: word(fields["visibility"], `${at}.visibility`, ["public", "restricted"], "restricted"),
        owners: texts(fields["owners"], `${at}.owners`),
        readers: texts(fields["readers"], `${at}.readers`),
        writers: texts(fields["writers"], `${at}.writers`),
      };
    }),
    ci: each(top["ci"], "ci", (value, at) => {
      const fields = object(value, at, ["packages", "permissions"]);
      return {
        packages: texts(fields["packages"], `${at}.packages`),
        permissions: texts(fields["permissions"], `${at}.permissions`),
      };
    }),
    cases: cases.map((value: unknown, index) => {
      const at = `cases[${index}]`;
      const fields = object(value, at, ["who", "action", "what", "expect", "by", "via", "address", "steppedUp"]);
      return {
        who: textOf(fields["who"], `${at}.who`),
        action: textOf(fields["action"], `${at}.action`),
        what: textOf(fields["what"], `${at}.what`),
        expect: word(fields["expect"], `${at}.expect`, ["allowed", "refused", "hidden"]),
        by: fields["by"] === undefined ? undefined : textOf(fields["by"], `${at}.by`),
        via: word(fields["via"], `${at}.via`, ["session", "password", "token"], "session"),
        address: fields["address"] === undefined ? "127.0.0.1" : textOf(fields["address"], `${at}.address`),
        steppedUp: fields["steppedUp"] === true,
      };
    }),
  };
}
