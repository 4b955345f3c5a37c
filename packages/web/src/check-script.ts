/** What a check needs to know of one step of a path. */
export interface CheckStep {
  readonly side: "left" | "right";
  /** Base64. */
  readonly hash: string;
}

export interface CheckScriptInput {
  readonly index: number;
  /** Record text; ends in LF. */
  readonly text: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  /** Signed checkpoint, verbatim. */
  readonly checkpoint: string;
  /** Leaf to root. */
  readonly steps: readonly CheckStep[];
  /** The log's own signature over the checkpoint and its raw Ed25519 key, base64. */
  readonly signature: string;
  readonly publicKey: string;
}

/** The DER head of an Ed25519 SubjectPublicKeyInfo (RFC 8410), base64: the 32 bytes of the key follow. */
const ed25519Head = "MCowBQYDK2VwAyEA";

/**
 * A shell script that makes the whole check again with `openssl` alone: the record's hash, every step to the root, and
 * the log's signature over that root. Complete in itself: it asks nobody. Runs in a subshell, so that pasting it into a
 * terminal is safe; exit code 1 when anything differs.
 *
 * The texts stand in quoted here-documents, where nothing is expanded; no line of a record or checkpoint can be the
 * end word, because every one holds a space, a digit or an equals sign.
 */
export function checkScript(input: CheckScriptInput): string {
  const lines = input.steps.map(({ side, hash }) =>
    side === "left" ? `h=$(node '${hash}' "$h")` : `h=$(node "$h" '${hash}')`,
  );
  return `( set -eu # Needs a shell and openssl; asks nobody.
sha() { openssl dgst -sha256 -binary | openssl base64 -A; }
raw() { printf %s "$1" | openssl base64 -d -A; }
node() { { printf '\\001'; raw "$1"; raw "$2"; } | sha; }

# The record: SHA-256 of a zero byte and its text.
h=$({ printf '\\000'; cat <<'END'
${input.text}END
} | sha)

# From record ${input.index} to the root of ${input.size}: SHA-256 of a one byte, the left and the right hash.
${lines.length === 0 ? "# There is one record: its hash is the root." : lines.join("\n")}
test "$h" = '${input.root}' || { echo 'NOT in the tree'; exit 1; }
echo 'The record is in the tree.'

# The log's signature over the size and the root of the tree.
d=$(mktemp -d)
trap 'rm -r "$d"' EXIT
cat >"$d/note" <<'END'
${input.checkpoint.slice(0, input.checkpoint.lastIndexOf("\n\n") + 1)}END
raw '${input.signature}' >"$d/signature"
raw '${ed25519Head}${input.publicKey}' >"$d/key"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$d/key" -rawin -in "$d/note" -sigfile "$d/signature"
)`;
}
