import type { FileSink, FileWatch } from "../../admission/inspect-archive.ts";
import { fileRules, isPlaceholder, textRules, type SecretRule } from "./rules.ts";

/** A secret in an archive. */
export interface SecretFound extends SecretRule {
  readonly path: string;
}

/** Of a file that is judged by its name and text together. */
const wholeFileBytes = 64 * 1024;
/** No secret is longer than this; what lies across two pieces is seen all the same. */
const overlap = 1024;

/** Looks for secrets in the files of an archive as they pass. `found` holds the first few. */
export function createSecretWatch(): FileWatch & { readonly found: readonly SecretFound[] } {
  const found: SecretFound[] = [];
  const seen = new Set<string>();
  const report = (path: string, { rule, what }: SecretRule): void => {
    const key = `${rule} ${path}`;
    if (found.length < 10 && !seen.has(key)) found.push({ path, rule, what });
    seen.add(key);
  };

  return {
    found,
    file(path) {
      const named = fileRules.find((rule) => rule.path.test(path));
      const sinks = [
        scanText((rule) => report(path, rule)),
        ...(named === undefined
          ? []
          : [
              readStart((text) =>
                named.text === undefined || named.text.test(text) ? report(path, named) : undefined,
              ),
            ]),
      ];
      return {
        push: (bytes) => sinks.forEach((sink) => sink.push(bytes)),
        end: () => sinks.forEach((sink) => sink.end()),
      };
    },
  };
}

/** Every text rule over the contents of a file. A file with NUL bytes is no text. */
function scanText(onSecret: (rule: SecretRule) => void): FileSink {
  let tail = "";
  let isBinary = false;
  return {
    push(bytes) {
      if (isBinary) return;
      if (bytes.includes(0)) {
        isBinary = true;
        tail = "";
        return;
      }
      const text = tail + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
      for (const rule of textRules) {
        const match = rule.pattern.exec(text)?.[0];
        if (match !== undefined && !isPlaceholder(match)) onSecret(rule);
      }
      tail = text.slice(-overlap);
    },
    end: () => undefined,
  };
}

function readStart(done: (text: string) => void): FileSink {
  let text = "";
  return {
    push(bytes) {
      if (text.length < wholeFileBytes) text += Buffer.from(bytes).toString("latin1").slice(0, wholeFileBytes);
    },
    end: () => done(text),
  };
}
