import { resolve } from "node:path";
import type { Kind } from "./kinds.ts";
import type { Layer, RawValue } from "./settings.ts";

/** Checked values by key. A key that is not in the table is a mistake in the program and throws. */
export interface Values {
  text(key: string): string;
  optionalText(key: string): string | undefined;
  number(key: string): number;
  optionalNumber(key: string): number | undefined;
  list(key: string): readonly string[];
  optionalList(key: string): readonly string[] | undefined;
  /** Absolute, from the folder in which it was written. */
  path(key: string): string | undefined;
  /** Where the value came from; `default` when nothing was said. */
  from(key: string): string;
}

/** The part of a setting that decides what its value may be. */
interface Checked {
  readonly key: string;
  readonly kind: Kind;
  readonly fallback: unknown;
}

/**
 * Checks what the layers say; the first one that says something decides and must be right: a broken value never
 * falls through to the next. Problems are added to the list, with key, place and what is allowed; `prefix` stands
 * before the key.
 */
export function readValues(
  table: readonly Checked[],
  layers: readonly (Layer | undefined)[],
  cwd: string,
  problems: string[],
  prefix = "",
): Values {
  const values = new Map<string, RawValue>();
  for (const { key, kind, fallback } of table) {
    const byDefault = fallback === undefined ? undefined : kind.read(fallback);
    const raw = layers.map((layer) => layer?.get(key)).find((found) => found !== undefined);
    const value = raw === undefined ? byDefault : kind.read(raw.value);
    if (raw !== undefined && value === undefined) {
      problems.push(`${prefix}${key} (${raw.source}) is ${shown(raw.value)} but must be ${kind.allowed}.`);
    }
    // A broken value keeps its source, so that rules between settings know that something was said.
    values.set(key, { value: value ?? byDefault, source: raw?.source ?? "default", folder: raw?.folder ?? cwd });
  }
  const at = (key: string): RawValue => {
    const found = values.get(key);
    if (found === undefined) throw new TypeError(`${key} is not in the table of settings`);
    return found;
  };
  const optionalText = (key: string): string | undefined => {
    const { value } = at(key);
    return typeof value === "string" ? value : undefined;
  };
  const optionalList = (key: string): readonly string[] | undefined => {
    const { value } = at(key);
    return Array.isArray(value) ? (value as readonly string[]) : undefined;
  };
  const optionalNumber = (key: string): number | undefined => {
    const { value } = at(key);
    return typeof value === "number" ? value : undefined;
  };
  return {
    optionalText,
    optionalList,
    optionalNumber,
    text: (key) => optionalText(key) ?? "",
    list: (key) => optionalList(key) ?? [],
    number: (key) => optionalNumber(key) ?? Number.NaN,
    path: (key) => {
      const text = optionalText(key);
      return text === undefined ? undefined : resolve(at(key).folder, text);
    },
    from: (key) => at(key).source,
  };
}

/** A value as it may be repeated to people: short, without credentials. */
export function shown(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(/:\/\/[^/@"]*@/g, "://[hidden]@");
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
