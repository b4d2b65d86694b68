// Forms that want a passkey ask the device for it before they are sent; none is sent twice by a second tap.
(() => {
  let busy = new WeakSet();

  async function credential(field, form) {
    const answer = await fetch(field.dataset.passkey, {
      method: "POST",
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const { publicKey } = await answer.json();
    if (field.dataset.passkeyNew !== undefined) {
      return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
    }
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  }
  function why(error) {
    if (error.name === "NotAllowedError") return "No passkey was given. Try again, or use a code.";
    if (error.name === "InvalidStateError") return "This device has a passkey here already.";
    if (!window.PublicKeyCredential) return "This browser offers no passkeys at this address.";
    return "That did not work. Reload the page and try again.";
  }
  document.addEventListener("submit", async (event) => {
    const { target: form, submitter } = event;
    const field = form.querySelector("[data-passkey]");
    if (submitter?.formNoValidate) return; // the button that holds something back needs no proof
    if (!field && !form.querySelector("[data-stepup]")) return;
    if (busy.has(form)) return event.preventDefault();
    busy.add(form);
    if (!field || field.value || form.elements.code?.value) {
      setTimeout(() => { // the page is still here: it was stopped, and what was answered is used up
        busy.delete(form);
        if (field) field.value = "";
      }, 10_000);
      return;
    }
    event.preventDefault();
    const said = form.querySelector("[data-passkey-said]");
    said.textContent = "";
    try {
      field.value = JSON.stringify(await credential(field, form));
    } catch (error) {
      said.textContent = why(error);
    }
    busy.delete(form);
    if (field.value) form.requestSubmit(submitter);
  });
  addEventListener("pageshow", () => { busy = new WeakSet(); });
})();
