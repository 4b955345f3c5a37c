import type { ManifestNotes } from "./notes.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The scripts that installing a package from a registry runs. */
export const installScripts = ["preinstall", "install", "postinstall"] as const;

/**
 * Compares the install scripts. npm runs them as the registry lists them, so an added or changed one is
 * code that is not in the archive.
 */
export function compareScripts(archive: Fields, listed: Fields, hasGypFile: boolean, notes: ManifestNotes): void {
  const own = scriptsOf(archive);
  const theirs = scriptsOf(listed);
  for (const name of installScripts) {
    const script = theirs.get(name);
    if (script === own.get(name)) continue;
    if (script === undefined) {
      notes.find("manifest/script-hidden", `the registry does not list the script ${name}`);
      continue;
    }
    // npm adds exactly this at publish when a gyp file lies in the folder; the file itself may stay out of the
    // archive, and then the script builds nothing.
    if (name === "install" && script === "node-gyp rebuild" && !own.has("install") && !own.has("preinstall")) {
      if (!hasGypFile) notes.find("manifest/gyp-script", "the registry lists node-gyp rebuild without a gyp file");
      continue;
    }
    notes.refuse("manifest/script", `the registry lists another ${name} script than the archive has`);
  }
}

function scriptsOf(manifest: Fields): ReadonlyMap<string, string> {
  const scripts = new Map<string, string>();
  const value = manifest["scripts"];
  if (typeof value !== "object" || value === null) return scripts;
  for (const name of installScripts) {
    const script = (value as Fields)[name];
    // npm takes the folder of local commands off at publish: it is on the path anyway. A blank script is none.
    const text = typeof script === "string" ? script.trim().replace(/^(\.[/\\])?node_modules[/\\]\.bin[\\/]/, "") : "";
    if (text !== "") scripts.set(name, text);
  }
  return scripts;
}
