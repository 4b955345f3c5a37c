/** The members of an export on their way in, one after the other: docs/formats/export.md. */
export interface Members extends AsyncDisposable {
  /**
   * The member that comes next, which must be this one and no larger. What was not read of the one before is passed
   * over. Throws BAD_FORMAT, saying what is there instead; afterwards only `skipTo` goes on.
   */
  next(path: string, maxBytes: number): Promise<Member>;

  /** Passes over members until the next one is this. False when there is none. */
  skipTo(path: string): Promise<boolean>;

  /** Throws BAD_FORMAT unless everything was read and nothing follows. */
  end(): Promise<void>;
}

export interface Member {
  readonly sizeBytes: number;
  /** The bytes, once. Throws BAD_FORMAT when there are fewer than promised. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Where an export is written to: members in the order of the format. */
export interface MemberWriter extends AsyncDisposable {
  /** Writes one member of exactly this size. Throws when the chunks have another. */
  write(path: string, sizeBytes: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>;

  /** Makes the export durable under its name. Without it disposing leaves nothing under that name. */
  finish(): Promise<void>;
}

/** All bytes of a small member. */
export async function readWhole(member: Member): Promise<Uint8Array> {
  const bytes = new Uint8Array(member.sizeBytes);
  let at = 0;
  for await (const chunk of member.chunks()) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
