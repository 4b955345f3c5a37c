import type { Download } from "./download.ts";
import type { Basis } from "./locate.ts";

/**
 * Third step: are these the listed bytes? Answers why not, or undefined. Pure; a crash here leaves what
 * `download` leaves.
 */
export function compareBytes(basis: Basis, download: Pick<Download, "integrity" | "sha1">): string | undefined {
  switch (basis.kind) {
    case "sha512":
      return download.integrity === basis.integrity
        ? undefined
        : `the listing says ${basis.integrity}, the bytes are ${download.integrity}`;
    case "sha1":
      return download.sha1 === basis.hex
        ? undefined
        : `the listing says sha1 ${basis.hex}, the bytes are ${download.sha1}`;
    case "none":
      return undefined;
  }
}

/** The basis as text: what a remembered refusal is about. */
export function basisText(basis: Basis): string {
  switch (basis.kind) {
    case "sha512":
      return basis.integrity;
    case "sha1":
      return basis.hex;
    case "none":
      return "-";
  }
}
