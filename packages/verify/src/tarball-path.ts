/** Where a registry keeps the tarball of a version, below its base URL: `/@scope/name/-/name-1.0.0.tgz`. */
export function tarballPath(name: string, version: string): string {
  return `/${name}/-/${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
}

/** The version whose tarball is at the end of this URL's path, with a scope's slash encoded or not; undefined when none is. */
export function releaseAtUrl(url: string): { readonly name: string; readonly version: string } | undefined {
  const path = decodedPath(url);
  const [, name = "", file = ""] = /\/((?:@[^/]+\/)?[^/]+)\/-\/(?:@[^/]+\/)?([^/]+)\.tgz$/.exec(path ?? "") ?? [];
  const start = `${name.slice(name.indexOf("/") + 1)}-`;
  return name !== "" && file.startsWith(start) ? { name, version: file.slice(start.length) } : undefined;
}

/** The base URL of the registry that keeps this version's tarball at this URL; undefined when none would. */
export function registryOfUrl(url: string, name: string, version: string): string | undefined {
  const plain = decodedPath(url);
  const path = tarballPath(name, version);
  return plain?.endsWith(path) === true ? plain.slice(0, -path.length) : undefined;
}

/** Without query and fragment; undefined when it is no well-formed URL text. */
function decodedPath(url: string): string | undefined {
  try {
    return decodeURIComponent(url.replace(/[?#].*$/s, ""));
  } catch {
    return undefined;
  }
}
