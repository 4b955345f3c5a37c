import type { ComponentChildren } from "preact";

/** Where the reader stands: every page about people has it. */
export interface Reader {
  readonly base: string;
  /** User name of who is signed in; undefined: nobody. */
  readonly who: string | undefined;
  /** Goes with every form: it proves that the form was made for this browser. */
  readonly formToken: string;
}

/** A form of ours: `path` is below the base. */
export function Form({
  reader,
  path,
  label,
  passkey,
  children,
}: {
  readonly reader: Reader;
  readonly path: string;
  /** What it is for, where no heading says it. */
  readonly label?: string;
  /** What a security key is asked for, and its options as JSON. */
  readonly passkey?: { readonly ask: "get" | "create"; readonly options: string } | undefined;
  readonly children: ComponentChildren;
}) {
  return (
    <form
      class="form"
      method="post"
      action={`${reader.base}${path}`}
      aria-label={label}
      data-passkey={passkey?.ask}
      data-options={passkey?.options}
    >
      <input type="hidden" name="token" value={reader.formToken} />
      {passkey !== undefined && <input type="hidden" name="passkey" value="" />}
      {children}
    </form>
  );
}

export function Field({
  name,
  label,
  hint,
  type = "text",
  autocomplete,
  value,
  inputMode,
  isOptional = false,
}: {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly type?: "text" | "password" | "number" | "email";
  readonly autocomplete: string;
  readonly value?: string | undefined;
  readonly inputMode?: "numeric";
  readonly isOptional?: boolean;
}) {
  const id = `field-${name}`;
  // The types tell one kind of input from another; which one it is only the caller knows.
  const kind: object = { type };
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        {...kind}
        autocomplete={autocomplete}
        value={value}
        inputMode={inputMode}
        required={!isOptional}
        spellcheck={false}
        autocapitalize="none"
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      />
      {hint !== undefined && (
        <span id={`${id}-hint`} class="quiet">
          {hint}
        </span>
      )}
    </p>
  );
}

/** A line of text of a form, where a page has several of the same name. */
export function Line({
  id,
  name,
  label,
  isOptional = false,
}: {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly isOptional?: boolean;
}) {
  return (
    <p class="field">
      <label for={id}>
        {label}
        {isOptional ? " (optional)" : ""}
      </label>
      <input
        id={id}
        name={name}
        type="text"
        maxLength={512}
        required={!isOptional}
        autocomplete="off"
        spellcheck={false}
        autocapitalize="none"
      />
    </p>
  );
}

/** What went wrong with the form that was sent; read out at once. */
export function Problem({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : (
    <p class="mark no" role="alert">
      <strong>{text}</strong>
    </p>
  );
}

/** How somebody proves once more to be there. */
export type ProofWanted =
  | { readonly kind: "password" }
  | {
      readonly kind: "factor";
      readonly hasTotp: boolean;
      /** Options for the browser, as JSON; undefined: no security key, or none that works under this address. */
      readonly passkey: string | undefined;
    };

/** The fields of a proof, and its buttons: one form for the key, one for what is typed. */
export function Proof({
  reader,
  path,
  wanted,
  submit,
  hidden = [],
}: {
  readonly reader: Reader;
  readonly path: string;
  readonly wanted: ProofWanted;
  /** On the button. */
  readonly submit: string;
  readonly hidden?: readonly (readonly [string, string])[];
}) {
  const more = hidden.map(([name, value]) => <input key={name} type="hidden" name={name} value={value} />);
  if (wanted.kind === "password")
    return (
      <Form reader={reader} path={path}>
        {more}
        <Field name="password" label="Your password" type="password" autocomplete="current-password" />
        <button type="submit">{submit}</button>
      </Form>
    );
  return (
    <>
      {wanted.passkey !== undefined && (
        <Form reader={reader} path={path} label="With a security key" passkey={{ ask: "get", options: wanted.passkey }}>
          {more}
          <button type="submit">{submit} with a security key</button>
          <p class="quiet" role="status"></p>
        </Form>
      )}
      <Form reader={reader} path={path} label="With a code">
        {more}
        <Field
          name="code"
          label={wanted.hasTotp ? "Code of your authenticator app, or a recovery code" : "A recovery code"}
          autocomplete="one-time-code"
        />
        <button type="submit">{submit}</button>
      </Form>
    </>
  );
}
