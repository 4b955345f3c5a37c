/**
 * A plugin of Yarn 2 and later. Yarn's lockfile pins no tarballs, so the plugin does two things: before anything is
 * linked or run it asks that the log binds every version of the project, and it hashes each tarball as it arrives and
 * holds it against what the log binds. What comes from Yarn's cache was held so when it was fetched; the lockfile's
 * checksum holds it since.
 */
import { createHash } from "node:crypto";
import type { Integrity } from "@assay/core";
import { berryLockfile } from "../../lockfile/yarn-berry.ts";
import { refusalText } from "../../refusal-text.ts";
import type { Report } from "../../report.ts";
import { releaseAtUrl } from "../../tarball-path.ts";
import { checkProject } from "../project-check.ts";
import { surroundings } from "./surroundings.ts";

/** What is used of Yarn's `Project`. */
interface Project {
  readonly cwd: string;
  readonly configuration: Configuration;
  readonly originalPackages: ReadonlyMap<string, YarnPackage>;
}

interface Configuration {
  get(name: string): unknown;
}

interface YarnPackage {
  readonly scope: string | null;
  readonly name: string;
  readonly version: string | null;
  readonly reference: string;
}

interface YarnRequest {
  readonly target: string | URL;
  readonly method: string;
}

interface YarnResponse {
  readonly body: unknown;
}

type Execute = () => Promise<YarnResponse>;

/** Yarn's hooks as this plugin takes part in them. */
export interface YarnHooks {
  readonly validateProject: (project: Project) => void;
  readonly wrapNetworkRequest: (execute: Execute, request: YarnRequest) => Promise<Execute>;
  readonly globalHashGeneration: (project: Project) => Promise<void>;
}

/** The hooks of one run of Yarn. */
export function createYarnHooks(): YarnHooks {
  let project: Project | undefined;
  let checked: { readonly size: number; readonly bound: Promise<ReadonlyMap<string, Integrity>> } | undefined;

  /** What the log binds of everything in the project: asked once, and again when the resolution found more. */
  function bound(current: Project): Promise<ReadonlyMap<string, Integrity>> {
    const { size } = current.originalPackages;
    if (checked?.size !== size) checked = { size, bound: check(current) };
    return checked.bound;
  }

  return {
    validateProject(current) {
      project = current;
    },

    async wrapNetworkRequest(execute, { method, target }) {
      const release = method === "GET" ? releaseAtUrl(String(target)) : undefined;
      const current = project;
      if (release === undefined || current === undefined) return execute;
      const wanted = `${release.name}@${release.version}`;
      return async () => {
        const response = await execute();
        const integrity = (await bound(current)).get(wanted);
        const served = digestOf(response.body);
        if (integrity === undefined) throw new Error(`Assay refuses ${wanted}: the project does not name it`);
        if (served !== integrity)
          throw new Error(`Assay refuses ${wanted}: the registry served ${served}, and the log binds ${integrity}`);
        return response;
      };
    },

    // Between linking and the first script; also where everything was in the cache and nothing was requested.
    async globalHashGeneration(current) {
      await bound(current);
    },
  };
}

async function check(project: Project): Promise<ReadonlyMap<string, Integrity>> {
  const registry = registryOf(project.configuration);
  const lockfile = lockfileOf(project);
  // The bytes are checked as they arrive.
  const report = await checkProject({ ...surroundings(), folder: project.cwd, registry }, lockfile, (policy) => ({
    ...policy,
    accept: new Set([...policy.accept, "through-record" as const]),
  }));
  const refusal = refusalText(report);
  if (refusal !== undefined) throw new Error(refusal);
  return boundIn(report);
}

function boundIn({ throughRecord }: Report): ReadonlyMap<string, Integrity> {
  return new Map(throughRecord.map(({ name, version, bound }) => [`${name}@${version}`, bound]));
}

/** The packages of a project, as the reader of its lockfile would find them. */
function lockfileOf({ originalPackages }: Project): ReturnType<typeof berryLockfile> {
  return berryLockfile(
    "yarn berry",
    [...originalPackages.values()].map(({ scope, name: bare, version, reference }) => {
      const name = scope === null ? bare : `@${scope}/${bare}`;
      return { path: `${name}@${reference}`, name, version: version ?? undefined, reference };
    }),
  );
}

function registryOf(configuration: Configuration): string {
  const registry = configuration.get("npmRegistryServer");
  if (typeof registry !== "string") throw new Error("Assay: Yarn names no registry, so nothing was checked");
  return registry.replace(/\/+$/, "");
}

function digestOf(body: unknown): string {
  if (!(body instanceof Uint8Array)) throw new Error("Assay: Yarn handed over no bytes, so nothing was checked");
  return `sha512-${createHash("sha512").update(body).digest("base64")}`;
}
