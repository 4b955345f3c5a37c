/**
 * The one script of the pages, served at `/-/web/passkey.js`: browsers reach security keys by script alone. It asks the
 * key for what the form says, puts the answer into the form, and sends it. It talks to nobody.
 */
export const passkeyScript = /* js */ `"use strict";
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const status = form.querySelector("[role=status]");
  const answer = form.querySelector("input[name=passkey]");
  form.addEventListener("submit", async (event) => {
    if (answer.value !== "") return;
    event.preventDefault();
    try {
      const options = JSON.parse(form.dataset.options);
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (error) {
      status.textContent = error.name === "NotAllowedError"
        ? "The key was not used; try again."
        : "That did not work: " + error.message;
    }
  });
}
`;
