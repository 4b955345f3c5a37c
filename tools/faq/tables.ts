/** Tables by name, as Markdown without a final line feed. */
export type Tables = Readonly<Record<string, string>>;

const place = /<!-- table: ([a-z-]+) -->\n[\s\S]*?<!-- end of table -->/g;

/** The document `where` with each marked table replaced. Throws when a mark names no table, and when a table has no mark. */
export function replaceTables(where: string, document: string, tables: Tables): string {
  const used = new Set<string>();
  const replaced = document.replaceAll(place, (_, name: string) => {
    const table = tables[name];
    if (table === undefined) throw new Error(`${where} asks for the table ${name}, which nobody makes`);
    used.add(name);
    return `<!-- table: ${name} -->\n${table}\n<!-- end of table -->`;
  });
  const unused = Object.keys(tables).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`${where} has no place for ${unused.join(", ")}`);
  return replaced;
}

/** A Markdown table. A bar in a cell would end it, so none may have one. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => {
    if (cells.some((cell) => /[|\n]/.test(cell))) throw new Error(`a cell cannot be told: ${cells.join(" / ")}`);
    return `| ${cells.join(" | ")} |`;
  });
  return lines.join("\n");
}
