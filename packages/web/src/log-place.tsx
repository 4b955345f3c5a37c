/** How records are addressed on pages. */
export function recordUrl(base: string, shard: string, index: number): string {
  return `${base}/-/web/log/${shard}/${index}`;
}

/** The history of a package; the slash of a scope is escaped, as in every path. */
export function historyUrl(base: string, name: string): string {
  return `${base}/-/web/log/history/${name.replace("/", "%2F")}`;
}

/** A search that leads straight to the bind of a version. */
export function bindUrl(base: string, name: string, version: string): string {
  return `${base}/-/web/log?q=${encodeURIComponent(`${name}@${version}`)}`;
}

/** `2026-11-24 17:05 UTC` with the exact time for programs. */
export function Time({ ms }: { readonly ms: number }) {
  const iso = new Date(ms).toISOString();
  return <time dateTime={iso}>{`${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`}</time>;
}

/** How long ago, in the largest unit that fits; a clock that runs ahead is "just now". */
export function sayAge(ageMs: number): string {
  return ageMs < 60_000 ? "just now" : `${saySpan(ageMs)} ago`;
}

/** A span of time in the largest unit that fits. */
export function saySpan(ms: number): string {
  const units = [
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
  ] as const;
  const [unit, unitMs] = units.find(([, least]) => ms >= least) ?? (["second", 1000] as const);
  return count(Math.max(0, Math.floor(ms / unitMs)), unit);
}

/** A count with its noun. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}
