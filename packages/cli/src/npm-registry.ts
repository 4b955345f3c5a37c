import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CliContext } from "./context.ts";
import { wrongUse } from "./errors.ts";

const defaultRegistry = "http://127.0.0.1:4873";

/**
 * The registry to ask: the one given, else npm's own order as far as one URL needs it (environment, the
 * project's .npmrc, the user's), else Assay's default address. No trailing slash. Throws USAGE on what is no
 * http(s) URL.
 */
export async function registryUrl(
  context: Pick<CliContext, "env" | "cwd">,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) return normalised(given, "--registry");
  for (const [name, value] of Object.entries(context.env)) {
    // npm reads these in any case, and skips empty ones.
    if (/^npm_config_registry$/i.test(name) && value !== undefined && value !== "") return normalised(value, name);
  }
  const home = context.env["HOME"] ?? context.env["USERPROFILE"];
  const files = [projectFile(context.cwd), home === undefined ? undefined : join(home, ".npmrc")];
  for (const file of files) {
    const value = file === undefined ? undefined : await registryIn(file, context.env);
    if (value !== undefined) return normalised(value, file ?? "");
  }
  return defaultRegistry;
}

/** npm's project folder is the nearest one up with a package.json or node_modules. */
function projectFile(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json")) || existsSync(join(folder, "node_modules")))
      return join(folder, ".npmrc");
    if (folder === dirname(folder)) return join(cwd, ".npmrc");
  }
}

async function registryIn(file: string, env: CliContext["env"]): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return undefined;
  }
  let found: string | undefined;
  for (const row of text.split(/\r?\n/)) {
    const value = /^\s*registry\s*=\s*(.*?)\s*$/.exec(row)?.[1];
    // The last one counts, as in npm's ini reader.
    if (value !== undefined && value !== "")
      found = value
        .replace(/^(["'])(.*)\1$/, "$2")
        .replaceAll(/\$\{([^}]+)\}/g, (whole, name: string) => env[name] ?? whole);
  }
  return found;
}

function normalised(text: string, where: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrongUse(`The registry in ${where} is not an http or https URL: ${JSON.stringify(text)}.`);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    throw wrongUse(`The registry in ${where} must be a URL without user, query or fragment.`);
  return url.href.replace(/\/+$/, "");
}
