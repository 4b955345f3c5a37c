import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { open } from "node:fs/promises";
import { AssayError } from "@assay/core";
import type { UpstreamConfig } from "../../config/config.ts";

/** What this server shows of itself when an upstream asks for a certificate. PEM texts. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads the certificate (chain) and private key of an upstream. The key must be readable by its owner only and
 * belong to the certificate. Throws CONFIG that names the file and never what it holds.
 */
export async function loadClientCertificate(
  upstream: Pick<UpstreamConfig, "name" | "tls">,
): Promise<ClientCertificate | undefined> {
  if (upstream.tls === undefined) return undefined;
  const { certFile, keyFile } = upstream.tls;
  const certWhere = `tls.certFile of upstream ${upstream.name} (${certFile})`;
  const keyWhere = `tls.keyFile of upstream ${upstream.name} (${keyFile})`;
  const cert = await readText(certFile, certWhere);
  const key = await readText(keyFile, keyWhere, (mode) => {
    if ((mode & 0o077) !== 0)
      throw refused(
        `${keyWhere} is open to group or others (mode ${(mode & 0o777).toString(8)}); run chmod 600 on it.`,
      );
  });
  const leaf = parse(certWhere, "certificate", () => new X509Certificate(cert));
  const privateKey = parse(keyWhere, "private key without a passphrase", (): KeyObject => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey)) throw refused(`${keyWhere} is not the key of ${certWhere}.`);
  return { cert, key };
}

/** Mode and content of one open file: what was checked is what is read. */
async function readText(path: string, where: string, check: (mode: number) => void = () => {}): Promise<string> {
  try {
    await using file = await open(path, "r");
    check((await file.stat()).mode);
    return await file.readFile("utf8");
  } catch (cause) {
    if (cause instanceof AssayError) throw cause;
    throw refused(`${where} cannot be read.`, cause);
  }
}

function parse<Result>(where: string, what: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw refused(`${where} holds no PEM ${what}.`, cause);
  }
}

function refused(reason: string, cause?: unknown): AssayError<"CONFIG"> {
  return new AssayError("CONFIG", { reason }, { cause });
}
