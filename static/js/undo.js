// Notes over the page: gone after ten seconds, except errors, which stay until they are closed; Z undoes the last.
(() => {
  const SECONDS = 10;
  function start(toast) {
    if (toast.dataset.started) return;
    toast.dataset.started = "1";
    if (!toast.classList.contains("bad")) setTimeout(() => toast.remove(), SECONDS * 1000);
  }
  const all = () => document.querySelectorAll(".toasts .toast");
  all().forEach(start);
  document.body.addEventListener("htmx:afterSettle", () => all().forEach(start));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-toast-close]")) event.target.closest(".toast").remove();
  });
})();
