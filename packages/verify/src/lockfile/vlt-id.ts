/** What the id of a node in a vlt-lock.json says. */
export type VltId =
  | { readonly kind: "registry"; readonly registry: string; readonly package: string }
  | { readonly kind: "git" | "file" | "remote" | "workspace"; readonly place: string };

const letters: Readonly<Record<string, string>> = {
  _: "_",
  p: "+",
  b: "\\",
  c: ":",
  t: "~",
  l: "<",
  g: ">",
  q: '"',
  i: "|",
  m: "?",
  a: "*",
  d: ".",
  s: " ",
};
const escapes = new Map(Object.entries(letters).map(([letter, meant]) => [meant, `_${letter}`]));

/**
 * Splits an id: `~<registry URL or name>~<name@version>[~peers]`, `git~<remote>~<selector>`, `file~<path>`,
 * `remote~<url>`, `workspace~<path>`; undefined when it is none. The parts are escaped (`decodeVltPart`).
 */
export function splitVltId(id: string): VltId | undefined {
  const [kind = "", first, second] = id.split("~");
  const place = decodeVltPart(first ?? "");
  if (place === undefined) return undefined;
  if (kind === "file" || kind === "remote" || kind === "workspace") return place === "" ? undefined : { kind, place };
  if (second === undefined) return undefined;
  if (kind === "git") return { kind, place };
  const spec = decodeVltPart(second);
  return kind === "" && spec !== undefined ? { kind: "registry", registry: place, package: spec } : undefined;
}

/** `+` is a slash, `_c` a colon, `__` an underscore, …; undefined where an underscore means nothing. Inverse of `encodeVltPart`. */
export function decodeVltPart(part: string): string | undefined {
  let isKnown = true;
  const text = part.replaceAll(/\+|_(.?)/gs, (whole, letter: string | undefined) => {
    if (whole === "+") return "/";
    const meant = letters[letter ?? ""];
    if (meant === undefined) isKnown = false;
    return meant ?? whole;
  });
  return isKnown ? text : undefined;
}

/** A part of an id as vlt escapes it; a dot only at the end, because a file name cannot end in one everywhere. */
export function encodeVltPart(text: string): string {
  return text
    .replaceAll(/[_+\\:~<>"|?* ]/g, (character) => escapes.get(character) ?? character)
    .replaceAll("/", "+")
    .replace(/\.$/, "_d");
}
