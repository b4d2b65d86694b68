// A device is named by hand before the button works, and a form that acts on the world is sent once.
(() => {
  const same = (one, other) => one.trim().toUpperCase() === other.trim().toUpperCase();
  function judge(field) {
    const form = field.form;
    const chosen = form.elements[field.dataset.confirms]?.selectedOptions[0];
    const name = chosen?.value ? chosen.text : "";
    const why = form.querySelector("[data-why]");
    const button = form.querySelector("footer button");
    button.disabled = !name || !same(field.value, name);
    why.textContent = !button.disabled ? "" : !name ? "Choose the device first."
      : field.value.trim() ? `That is not ${name}. Type ${name} to go on.` : `Type ${name} to go on.`;
  }
  const all = (root) => root.querySelectorAll("[data-confirms]").forEach(judge);
  all(document);
  document.body.addEventListener("htmx:afterSwap", () => all(document));
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      const field = event.target.form?.querySelector("[data-confirms]");
      if (field) judge(field);
    });
  }

  // The button says that it is under way; a second click sends nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-once")) return;
    const isOff = form.querySelector("[data-confirms]") && form.querySelector("footer button")?.disabled; // sent by a key
    if (isOff || form.hasAttribute("aria-busy")) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);
  addEventListener("submit", (event) => { // after all others: one that waits for a passkey comes again
    const form = event.target;
    if (form.hasAttribute("data-once") && !event.defaultPrevented) form.setAttribute("aria-busy", "true");
  });
  const free = (form) => form.removeAttribute?.("aria-busy");
  document.body.addEventListener("htmx:afterRequest", (event) => free(event.target));
  addEventListener("pageshow", (event) => { if (event.persisted) document.querySelectorAll("[data-once]").forEach(free); });
})();
