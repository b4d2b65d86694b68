// Text that was typed and not sent survives a reload, in this tab only, one entry for each field.
(() => {
  const PREFIX = "nightdesk:draft:";
  const keyOf = (field) => PREFIX + field.dataset.draft;
  function restore(root) {
    for (const field of root.querySelectorAll("[data-draft]")) {
      const kept = sessionStorage.getItem(keyOf(field));
      if (kept && !field.value) field.value = kept;
    }
  }
  restore(document);
  document.body.addEventListener("htmx:afterSwap", (event) => restore(event.detail.target));
  document.addEventListener("input", (event) => {
    const field = event.target.closest("[data-draft]");
    if (field) sessionStorage.setItem(keyOf(field), field.value);
  });
  const forget = (form) => {
    for (const field of form.querySelectorAll("[data-draft]")) sessionStorage.removeItem(keyOf(field));
  };
  document.addEventListener("submit", (event) => { if (!event.target.hasAttribute("hx-post")) forget(event.target); });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.target.matches("form")) forget(event.target);
  });
})();
