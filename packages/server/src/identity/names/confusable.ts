/**
 * What a name looks like: two names with one skeleton are easily taken for each other. Letter case, the separators
 * `-`, `_` and `.`, and characters that read alike (0 and o; 1, I, i and l; rn and m; vv and w) make no difference; the
 * slash of a scope does. Compatibility characters are folded first (NFKC), though names are ASCII. Pure.
 */
export function skeletonOf(name: string): string {
  return name
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[-_.~!*'()]/g, "")
    .replaceAll("0", "o")
    .replaceAll(/[1i]/g, "l")
    .replaceAll("rn", "m")
    .replaceAll("vv", "w");
}
