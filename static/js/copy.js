// Copies the defanged value; with Shift the raw one.
(() => {
  const say = (text) => { const live = document.getElementById("live"); if (live) live.textContent = text; };
  function byHand(text) {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "vh";
    document.body.append(field);
    field.select();
    document.execCommand("copy"); // plain http has no clipboard API
    field.remove();
  }
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = event.shiftKey ? button.dataset.raw || button.dataset.copy : button.dataset.copy;
    if (navigator.clipboard) await navigator.clipboard.writeText(text).catch(() => byHand(text));
    else byHand(text);
    button.focus();
    say("Copied");
  });
})();
