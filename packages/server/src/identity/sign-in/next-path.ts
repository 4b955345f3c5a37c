/**
 * Where a page sends its reader afterwards, as the query or a form says it: a path of our own below the base, else
 * `fallback`. Anybody can write such a link, so nothing gets through that a browser could take for another place: no
 * scheme, no host, no backslash, nothing outside printable ASCII. Only pages for people: no path of the API.
 */
export function nextPath(given: string | undefined, fallback: string): string {
  if (given === undefined || given.length > 2048) return fallback;
  return /^\/-\/web\/[\w!$&'()*+,;=:@%./?~-]*$/.test(given) && !/\/\/|\/\.{1,2}(?:[/?]|$)|%(?:2f|5c|00|2e)/i.test(given)
    ? given
    : fallback;
}
