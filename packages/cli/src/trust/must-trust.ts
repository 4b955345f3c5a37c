import { trustFileName } from "@assay/verify";
import { readTrustFile, type FoundTrust } from "@assay/verify/node";
import { wrongUse } from "../errors.ts";

/** As `readTrustFile`; throws USAGE, with the way to one, when there is none. */
export async function mustReadTrustFile(folder: string): Promise<FoundTrust> {
  const found = await readTrustFile(folder);
  if (found === undefined) throw wrongUse(`There is no ${trustFileName} here; assay trust init writes one.`);
  return found;
}
