export { icon } from "./icon.ts";
export { renderHome, type HomeProps } from "./home.tsx";
export { renderPackage, type PackageProps, type PackageVersion } from "./package.tsx";
export { renderRefusal, type RefusalProps } from "./refusal.tsx";
export { styleSheet } from "./style-sheet.ts";
