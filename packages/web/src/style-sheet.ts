import { base } from "./style/base.ts";
import { forms } from "./style/forms.ts";
import { layout } from "./style/layout.ts";
import { parts } from "./style/parts.ts";
import { proof } from "./style/proof.ts";

/** The style sheet, served at `/-/web/style.css`: the pages' Content-Security-Policy allows nothing inline. */
export const styleSheet = ["@layer base, layout, parts;\n", base, layout, parts, proof, forms].join("\n");
