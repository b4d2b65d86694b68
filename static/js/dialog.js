// Forms that came into #dialog open as a modal dialog; focus goes back to where it was.
(() => {
  const holder = document.getElementById("dialog");
  if (!holder) return;
  let opener = null;

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[hx-target='#dialog']");
    if (link) opener = link;
    if (event.target.closest("[data-dialog-close]")) {
      const dialog = event.target.closest("dialog");
      if (dialog) { event.preventDefault(); dialog.close(); }
    }
    const help = event.target.closest("[data-dialog-open]");
    if (help) { event.preventDefault(); opener = help.matches("[aria-hidden]") ? document.activeElement : help; document.getElementById(help.dataset.dialogOpen)?.showModal(); }
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== holder && !holder.contains(event.detail.target)) return;
    const dialog = holder.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
    holder.querySelector("[autofocus], [aria-invalid=true]")?.focus();
  });
  document.addEventListener("close", (event) => {
    if (holder.contains(event.target)) holder.replaceChildren();
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    opener = null;
  }, true);

  // An expected error comes as the fragment #message: its words go where the reader looks, whatever was the target.
  function tell(text) {
    const box = document.querySelector("dialog[open] [data-message]") || document.getElementById("message");
    if (!box) return;
    const line = document.createElement("p");
    line.className = "banner bad";
    line.textContent = text;
    box.replaceChildren(line);
    box.scrollIntoView({ block: "nearest" });
  }
  const isTick = (event) => event.detail.requestConfig?.triggeringEvent?.type === "live:tick";
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.responseURL && new URL(xhr.responseURL).pathname.startsWith("/accounts/login/")) {
      event.detail.shouldSwap = false;
      tell("You are signed out. Your text is kept in this tab: reload the page to sign in again.");
      return;
    }
    if (xhr.status < 400 || xhr.status === 422 || isTick(event)) return;
    const words = new DOMParser().parseFromString(xhr.responseText, "text/html").getElementById("message");
    event.detail.shouldSwap = false;
    tell(words?.textContent.trim() || `That did not work (${xhr.status}). Nothing was lost; try again.`);
  });
  document.body.addEventListener("htmx:sendError", (event) => {
    if (!isTick(event)) tell("No connection. Your text is kept; try again.");
  });
})();
