import { isJsonObject, type JsonObject } from "../publish/json.ts";
import type { Change, FileChange, Review, TextChange } from "./stage.ts";

/** A file of an archive. */
export interface ListedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256Hex: string;
  readonly executable: boolean;
}

const order: Readonly<Record<Change, number>> = { added: 0, changed: 1, removed: 2, same: 3 };

/** Every file of either archive: what is new first, what is the same last. Pure. */
export function compareFiles(before: readonly ListedFile[], after: readonly ListedFile[]): readonly FileChange[] {
  const olds = new Map(before.map((file) => [file.path, file]));
  const news = new Map(after.map((file) => [file.path, file]));
  const changes = [...new Set([...news.keys(), ...olds.keys()])].flatMap((path): readonly FileChange[] => {
    const [was, is] = [olds.get(path), news.get(path)];
    const file = is ?? was;
    if (file === undefined) return [];
    const isSame = was?.sha256Hex === is?.sha256Hex && was?.executable === is?.executable;
    const change = was === undefined ? "added" : is === undefined ? "removed" : isSame ? "same" : "changed";
    const { sizeBytes, executable } = file;
    return [{ path, change, sizeBytes, executable, beforeBytes: was?.sizeBytes }];
  });
  return changes.toSorted((a, b) => order[a.change] - order[b.change] || (a.path < b.path ? -1 : 1));
}

const dependencyMembers = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"];
/** Not the publisher's to say, or shown elsewhere. */
const shownElsewhere = new Set([...dependencyMembers, "scripts", "dist", "readme", "version", "name", "deprecated"]);

/** What two manifests differ in. Pure. */
export function compareManifests(
  before: JsonObject,
  after: JsonObject,
): Pick<Review, "scripts" | "dependencies" | "members"> {
  const said = (manifest: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(manifest).filter(([member]) => !shownElsewhere.has(member) && !member.startsWith("_")),
    );
  return {
    scripts: compareTexts(objectOf(before["scripts"]), objectOf(after["scripts"])),
    dependencies: dependencyMembers.flatMap((kind) =>
      compareTexts(objectOf(before[kind]), objectOf(after[kind]))
        .filter(({ change }) => change !== "same")
        .map((change) => ({ ...change, kind })),
    ),
    members: compareTexts(said(before), said(after)).filter(({ change }) => change !== "same"),
  };
}

function compareTexts(before: JsonObject, after: JsonObject): readonly TextChange[] {
  return [...new Set([...Object.keys(after), ...Object.keys(before)])].toSorted().map((name) => {
    const [was, is] = [textOf(before, name), textOf(after, name)];
    const change = was === undefined ? "added" : is === undefined ? "removed" : was === is ? "same" : "changed";
    return { name, change, before: was, after: is };
  });
}

function textOf(object: JsonObject, name: string): string | undefined {
  if (!Object.hasOwn(object, name)) return undefined;
  const value = object[name];
  return typeof value === "string" ? value : JSON.stringify(value);
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
