/** The two questions about a version that are not one: is it the same for everybody, and is it any good. */
export function Marks({ authentic }: { readonly authentic: boolean }) {
  return (
    <ul class="marks">
      <li class={authentic ? "mark yes" : "mark open"}>
        <strong>{authentic ? "authentic" : "not bound yet"}</strong>{" "}
        {authentic
          ? "the same bytes and dependencies for everybody, and provably so"
          : "nobody has fetched it through this registry"}
      </li>
      <li class="mark open">
        <strong>not vetted here</strong> a bind says which bytes, not that they are harmless
      </li>
    </ul>
  );
}
