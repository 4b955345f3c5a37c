/**
 * What reading an archive says. Rules and their reasons: docs/formats/archive-rules.md.
 */
export type ArchiveReport =
  | ({ readonly verdict: "accepted" } & AcceptedArchive)
  | ({ readonly verdict: "refused" } & ArchiveRefusal & { readonly findings: readonly ArchiveFinding[] });

export interface AcceptedArchive {
  /** Name of the one root folder that every client strips. */
  readonly root: string;
  /** Every file once, in archive order, with its path below the root folder. */
  readonly files: readonly ArchiveFile[];
  /** Bytes of `<root>/package.json`. */
  readonly packageJson: Uint8Array;
  /** True when a `*.gyp` file lies in the root: npm then adds an install script at publish. */
  readonly hasGypFile: boolean;
  /** Bytes of the whole tar after decompression. */
  readonly unpackedBytes: number;
  readonly findings: readonly ArchiveFinding[];
}

export interface ArchiveFile {
  /** Raw bytes after the root folder; valid UTF-8 without control characters. */
  readonly path: Uint8Array;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256Hex: string;
  /** Mode bit 0100. */
  readonly executable: boolean;
}

/** A named oddity that all clients read alike. */
export interface ArchiveFinding {
  readonly rule: string;
  /** Where and what, one line, at most 200 characters. */
  readonly detail: string;
}

export interface ArchiveRefusal {
  readonly rule: string;
  /** One printable line. */
  readonly reason: string;
}

export interface ArchiveLimits {
  /** Most bytes after decompression. */
  readonly unpackedBytes: number;
  /** Most tar entries of any type. */
  readonly entries: number;
}

/** Thrown inside the readers to leave them; `readArchive` turns it into a verdict. */
export class ArchiveRefused extends Error {
  readonly rule: string;
  readonly reason: string;

  constructor(rule: string, reason: string) {
    super(`${rule}: ${reason}`);
    this.name = "ArchiveRefused";
    this.rule = rule;
    this.reason = reason;
  }
}

/** Text from an archive made safe for one line: printable ASCII, at most 120 characters. */
export function printable(text: string): string {
  const safe = text.replace(/[^\x20-\x7e]/gu, "?").replace(/"/g, "'");
  return safe.length > 120 ? `${safe.slice(0, 117)}...` : safe;
}
