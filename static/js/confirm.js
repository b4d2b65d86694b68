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

  // The button says that it is under way; a second click sends nothing. A page that is still here after a while was
  // stopped, or waits: it says so, and the button works again.
  const WAIT = 10_000;
  function say(form, text) {
    let line = form.querySelector("[data-why], [data-sent]");
    if (!line) {
      line = Object.assign(document.createElement("p"), { className: "sm muted", role: "status" });
      line.dataset.sent = "";
      form.append(line);
    }
    line.textContent = text;
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-once")) return;
    const isOff = form.querySelector("[data-confirms]") && form.querySelector("footer button")?.disabled; // sent by a key
    const isSent = form.hasAttribute("aria-busy");
    if (isSent) say(form, "Sent already. Waiting for the answer.");
    if (isOff || isSent) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);
  addEventListener("submit", (event) => { // after all others: one that waits for a passkey comes again
    const form = event.target;
    if (!form.hasAttribute("data-once") || event.defaultPrevented) return;
    form.setAttribute("aria-busy", "true");
    setTimeout(() => {
      free(form);
      say(form, "No answer came. Reload the page to see whether it was done, before you send it again.");
    }, WAIT);
  });
  const free = (form) => form.removeAttribute?.("aria-busy");
  document.body.addEventListener("htmx:afterRequest", (event) => free(event.target));
  addEventListener("pageshow", (event) => { if (event.persisted) document.querySelectorAll("[data-once]").forEach(free); });
})();
