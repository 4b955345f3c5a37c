/** Text to copy or to compare, as it is. It scrolls on a narrow screen, so the keyboard reaches it. */
export function Verbatim({
  label,
  text,
  wrap = false,
}: {
  readonly label: string;
  readonly text: string;
  readonly wrap?: boolean;
}) {
  return (
    <pre class={wrap ? "long" : undefined} role="group" aria-label={label} tabIndex={0}>
      <code>{text}</code>
    </pre>
  );
}
