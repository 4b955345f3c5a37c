import type { ComponentChildren } from "preact";

/** A table that scrolls on a narrow screen, so the keyboard reaches it. `children` are its rows. */
export function Table({
  caption,
  head,
  children,
}: {
  readonly caption: string;
  /** Headings of the columns. */
  readonly head: readonly string[];
  readonly children: ComponentChildren;
}) {
  return (
    <div class="table" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
