import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { AssayError } from "@assay/core";
import { makeFolder } from "./blobs/durable.ts";

/** A folder that the server writes to, and how a person names another. */
export interface OwnFolder {
  /** As the sentence begins with it: "The data folder". */
  readonly title: string;
  readonly path: string;
  /** "choose another with --data". */
  readonly advice: string;
}

const folderProblems: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EEXIST: "something that is not a folder has that name",
  ENOTDIR: "something above it is not a folder",
  EROFS: "the file system is read-only",
};

/** Makes a folder of mode 0700 when it is missing, durably. Throws CONFIG when it cannot be made or written to. */
export async function makeOwnFolder({ title, path, advice }: OwnFolder): Promise<void> {
  try {
    await makeFolder(path);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = codeOf(cause);
    const why = folderProblems[code] ?? `the system says ${code}`;
    throw new AssayError("CONFIG", { reason: `${title} ${path} cannot be used: ${why}; ${advice}.` }, { cause });
  }
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What a failed listen means: CONFIG with what to do for an address that cannot be had, else the error itself. */
export function listenProblem({ host, port }: ListenAddress, cause: unknown): unknown {
  const at = `port ${port} of ${host}`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `Another program already listens on ${at}; stop it, or choose another port with --port.`,
    EACCES: `This user may not listen on ${at}; choose one from 1024 on with --port.`,
    EADDRNOTAVAIL: `This machine has no address ${host}; choose another with --host.`,
    ENOTFOUND: `This machine has no address ${host}; choose another with --host.`,
  };
  const reason = reasons[codeOf(cause)];
  return reason === undefined ? cause : new AssayError("CONFIG", { reason }, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
