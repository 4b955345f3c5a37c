import { resolve } from "node:path";
import { settings, type Layer, type RawValue } from "./settings.ts";

/** Checked values by key. A key that is not in the table is a mistake in the program and throws. */
export interface Values {
  text(key: string): string;
  optionalText(key: string): string | undefined;
  number(key: string): number;
  list(key: string): readonly string[];
  optionalList(key: string): readonly string[] | undefined;
  /** Absolute, from the folder in which it was written. */
  path(key: string): string | undefined;
  /** Where the value came from; `default` when nothing was said. */
  from(key: string): string;
}

/**
 * Checks what the layers say; the first one that says something decides and must be right: a broken value never
 * falls through to the next. Problems are added to the list, with key, place and what is allowed.
 */
export function readValues(layers: readonly (Layer | undefined)[], cwd: string, problems: string[]): Values {
  const values = new Map<string, RawValue>();
  for (const { key, kind, fallback } of settings) {
    const byDefault = fallback === undefined ? undefined : kind.read(fallback);
    const raw = layers.map((layer) => layer?.get(key)).find((found) => found !== undefined);
    const value = raw === undefined ? byDefault : kind.read(raw.value);
    if (raw !== undefined && value === undefined) {
      problems.push(`${key} (${raw.source}) is ${shown(raw.value)} but must be ${kind.allowed}.`);
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
  return {
    optionalText,
    optionalList,
    text: (key) => optionalText(key) ?? "",
    list: (key) => optionalList(key) ?? [],
    number: (key) => Number(at(key).value),
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
