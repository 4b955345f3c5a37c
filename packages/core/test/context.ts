import type { ListedRegistryKey, Sha256 } from "@assay/core";

/** The files under vectors/, parsed. */
export interface Vectors {
  readonly tlog: TlogVectors;
  readonly mldsa: MldsaVectors;
  readonly policies: PolicyVectors;
  readonly requests: RequestVectors;
  readonly records: RecordVectors;
  readonly manifests: TextVectors;
  readonly trees: TreeVectors;
  readonly jcs: TextVectors;
  readonly signatures: RegistrySignatureVectors;
  readonly encodings: EncodingVectors;
}

/** What a case may use: no clock, no files, no network. */
export interface Context {
  readonly sha256: Sha256;
  readonly vectors: Vectors;
  /** Every tree size up to this one is compared with the naive reference. */
  readonly everySizeTo: number;
}

export interface Case {
  /** A claim. */
  readonly name: string;
  readonly run: (context: Context) => void | Promise<void>;
}

export interface TlogVectors {
  readonly emptyRoot: string;
  readonly keys: readonly {
    readonly keyID01: string;
    readonly keyID04: string;
    readonly name: string;
    readonly publicKeyHex: string;
    readonly seedHex: string;
    readonly vkey01: string;
    readonly vkey04: string;
  }[];
  readonly cosignatures: readonly {
    readonly line: string;
    readonly message: string;
    readonly name: string;
    readonly text: string;
    readonly time: number;
  }[];
  readonly notes: readonly {
    readonly desc: string;
    readonly note: string;
    readonly ok: boolean;
    readonly text?: string;
    readonly verified?: readonly string[];
    readonly unverified?: readonly string[];
    readonly verifiers: readonly string[];
  }[];
  readonly publishedNotes: readonly {
    readonly note: string;
    readonly text: string;
    readonly vkey: string;
  }[];
  readonly rfc6962: {
    readonly leaves: readonly { readonly hex: string; readonly leafHash: string }[];
    readonly trees: readonly TreeVector[];
  };
  readonly synthetic: {
    readonly entries: readonly {
      readonly index: number;
      readonly leafHash: string;
      readonly text: string;
    }[];
    readonly tilesAt: readonly {
      readonly size: number;
      readonly tileCount: number;
      readonly tiles: readonly TileVector[];
      readonly bundles: readonly TileVector[];
    }[];
    readonly trees: readonly TreeVector[];
  };
  readonly tilePaths: {
    readonly good: readonly { readonly c2sp: string; readonly n: number; readonly w: number }[];
    readonly bad: readonly { readonly path: string }[];
  };
  readonly newTiles: readonly {
    readonly old: number;
    readonly new: number;
    readonly write: readonly string[];
  }[];
  readonly lookup: { readonly index: number; readonly response: string };
  readonly tlogProof: {
    readonly entry: string;
    readonly index: number;
    readonly proofFile: string;
    readonly size: number;
  };
  readonly witness: {
    readonly addCheckpointBody: string;
    readonly newRoot: string;
    readonly newSize: number;
    readonly oldRoot: string;
    readonly oldSize: number;
    readonly originHashHex: string;
  };
}

export interface TreeVector {
  readonly size: number;
  readonly root: string;
  readonly inclusion: readonly {
    readonly index: number;
    readonly leafHash: string;
    readonly proof: readonly string[];
  }[];
  readonly consistency: readonly {
    readonly oldSize: number;
    readonly oldRoot: string;
    readonly proof: readonly string[];
  }[];
}

export interface TileVector {
  readonly c2sp: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface MldsaVectors {
  readonly name: string;
  readonly origin: string;
  readonly time: number;
  readonly end: number;
  readonly root: string;
  readonly keyID06: string;
  readonly vkey: string;
  readonly messageHex: string;
  readonly line: string;
  readonly seedHex: string;
}

export interface PolicyVectors {
  readonly good: readonly {
    readonly name: string;
    readonly text: string;
    readonly canonical: string;
    readonly verdicts: readonly {
      readonly cosigned: readonly string[];
      readonly met: boolean;
      readonly missing: readonly string[];
    }[];
  }[];
  readonly bad: readonly { readonly name: string; readonly text: string }[];
}

export interface RequestVectors {
  readonly good: readonly {
    readonly name: string;
    readonly body: string;
    readonly oldSize: number;
    readonly hashes: number;
  }[];
  readonly bad: readonly { readonly name: string; readonly body: string }[];
}

export interface RecordVectors {
  readonly good: readonly {
    readonly name: string;
    readonly text: string;
    readonly record: Readonly<Record<string, string | number>>;
    readonly leafHash: string;
  }[];
  readonly bad: readonly { readonly name: string; readonly text: string; readonly code: string }[];
}

/** Inputs are JSON texts, so that `__proto__`, duplicates and lone surrogates can be spelled. */
export interface TextVectors {
  readonly good: readonly {
    readonly name: string;
    readonly json: string;
    readonly canonical: string;
    readonly digest?: string;
  }[];
  readonly bad: readonly { readonly name: string; readonly json: string }[];
}

export interface TreeVectors {
  readonly good: readonly {
    readonly name: string;
    readonly files: readonly TreeFileVector[];
    readonly digest: string;
  }[];
  readonly bad: readonly { readonly name: string; readonly files: readonly TreeFileVector[] }[];
}

export interface TreeFileVector {
  readonly pathHex: string;
  readonly executable: boolean;
  readonly sha256Hex: string;
}

export interface RegistrySignatureVectors {
  readonly keys: readonly ListedRegistryKey[];
  readonly valid: readonly RegistrySignatureVector[];
  readonly invalid: readonly (RegistrySignatureVector & { readonly why: string; readonly expect: string })[];
}

export interface RegistrySignatureVector {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  readonly keyid: string;
  readonly sig: string;
  /** ISO 8601, or null. */
  readonly published?: string | null;
}

export interface EncodingVectors {
  /** Hex. */
  readonly derGood: readonly { readonly name: string; readonly der: string; readonly raw: string }[];
  readonly derBad: readonly { readonly name: string; readonly der: string }[];
  readonly keysBad: readonly { readonly name: string; readonly key: string }[];
  readonly keyOffCurve: string;
  readonly listsGood: readonly { readonly name: string; readonly text: string; readonly keyids: readonly string[] }[];
  readonly listsBad: readonly { readonly name: string; readonly text: string }[];
}
