/** The result: one row a measurement, with ratios and the budget of DESIGN. */
import type { ContenderName } from "./contenders.ts";
import { figure } from "./numbers.ts";

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly values: Readonly<Partial<Record<ContenderName, number>>>;
  /** What Assay must reach, as text, and whether it did; undefined when there is no budget. */
  readonly budget?: { readonly text: string; readonly isMet: boolean };
}

const columns: readonly ContenderName[] = ["Assay", "Verdaccio", "nginx"];

/** Renders Markdown that also reads well in a terminal. */
export function renderTable(rows: readonly Row[]): string {
  const head = ["", ...columns, "÷ Verdaccio", "÷ nginx", "budget", ""];
  const lines = rows.map((row) => {
    const assay = row.values.Assay;
    const ratio = (to: ContenderName): string => {
      const other = row.values[to];
      return assay === undefined || other === undefined ? "–" : `${figure(assay / other)}×`;
    };
    return [
      `${row.what}, ${row.unit}`,
      ...columns.map((name) => figure(row.values[name] ?? Number.NaN)),
      ratio("Verdaccio"),
      ratio("nginx"),
      row.budget?.text ?? "",
      row.budget === undefined || assay === undefined ? "" : row.budget.isMet ? "met" : "MISSED",
    ];
  });
  const widths = head.map((title, index) => Math.max(title.length, ...lines.map((line) => line[index]?.length ?? 0)));
  const render = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, index) => (index === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [render(head), rule, ...lines.map(render)].join("\n");
}
