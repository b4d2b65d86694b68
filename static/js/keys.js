// Single keys, only outside of fields; none of them ever starts a device action: E, A and C open dialogs.
(() => {
  const body = document.body;
  const singleKeys = body.dataset.keys !== "off";
  const PEEK_AFTER = 150; // ms after the last move
  const NEXT = "nightdesk:next";
  const ON_CASE = new Set(["e", "a", "c", "n"]); // act on the row under the hand, never on the one before it
  let peekTimer = 0, waitingKey = "";

  const rows = () => [...document.querySelectorAll("tr[data-row]")];
  const titleOf = (row) => row?.querySelector("a.ttl");
  const current = () => document.activeElement?.closest("tr[data-row]") || document.querySelector("tr[data-row].cur");
  const isWide = () => matchMedia("(width >= 72rem)").matches;

  function mark(row) {
    for (const other of document.querySelectorAll("tr[data-row].cur")) other.classList.remove("cur");
    row.classList.add("cur");
  }
  function preview(row, delay) {
    clearTimeout(peekTimer);
    if (!isWide()) return;
    peekTimer = setTimeout(() => row.querySelector("[data-peek]")?.dispatchEvent(new CustomEvent("peek")), delay);
  }
  function move(step) {
    const all = rows();
    if (!all.length) return;
    const here = all.indexOf(current());
    const row = all[Math.max(0, Math.min(all.length - 1, here + step))];
    waitingKey = "";
    mark(row);
    titleOf(row)?.focus();
    row.scrollIntoView({ block: "nearest" });
    preview(row, PEEK_AFTER);
  }
  const paneLags = () => {
    const row = document.querySelector("tr[data-row].cur");
    const pane = document.getElementById("peek");
    return Boolean(row && pane && row.id !== `row-${pane.dataset.case}`);
  };
  function press(key) {
    if (ON_CASE.has(key) && isWide() && paneLags()) {
      waitingKey = key;
      preview(document.querySelector("tr[data-row].cur"), 0);
      return true;
    }
    const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.checkVisibility());
    if (!found) return false;
    htmx.process(found); // a pane that came just now may not know its links yet: they would leave the page
    if (!found.matches("[aria-hidden]")) found.focus(); // what nobody sees must not have the hand
    found.click();
    return true;
  }
  function escape() {
    if (document.querySelector("dialog[open]")) return false; // the browser closes it
    const row = document.querySelector("tr[data-row].cur");
    if (press("escape")) { titleOf(row)?.focus(); return true; }
    return false;
  }
  const ACTS = {
    j: () => (move(1), true), k: () => (move(-1), true),
    arrowdown: () => (move(1), true), arrowup: () => (move(-1), true), escape,
  };

  body.addEventListener("htmx:afterSettle", () => {
    if (!waitingKey || paneLags()) return;
    const key = waitingKey;
    waitingKey = "";
    press(key);
  });

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      event.target.closest("form")?.requestSubmit();
      return;
    }
    if (field || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const key = event.key.toLowerCase();
    const isArrow = key.startsWith("arrow");
    if (!singleKeys && key.length === 1) return;
    if (document.querySelector("dialog[open]") && key !== "escape") return;
    if (isArrow && (!rows().length || !current())) return;
    if (key === " " && current() && event.target.matches("a.ttl")) { event.preventDefault(); preview(current(), 0); return; }
    if ((ACTS[key] || (() => key.length === 1 && press(key)))()) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-peek]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    mark(link.closest("tr"));
    if (isWide()) return;
    event.preventDefault(); // no room for a pane: the case itself
    event.stopPropagation();
    titleOf(link.closest("tr")).click();
  }, true);
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (!row || event.target.closest("a, button, input, label") || getSelection()?.toString()) return;
    if (!isWide()) { titleOf(row)?.click(); return; }
    mark(row);
    titleOf(row)?.focus({ preventScroll: true });
    preview(row, 0);
  });

  // After a decision in the list, the hand finds the next row under it; also when Enter came before htmx had the form.
  body.addEventListener("submit", (event) => {
    const row = document.querySelector("tr[data-row].cur");
    if (!row || !event.target.closest("#dialog form")) return;
    const next = row.nextElementSibling || row.previousElementSibling;
    if (next?.id) sessionStorage.setItem(NEXT, next.id);
  }, true);
  const waiting = sessionStorage.getItem(NEXT);
  sessionStorage.removeItem(NEXT);
  const start = waiting && document.getElementById(waiting);
  if (start) { mark(start); titleOf(start)?.focus(); preview(start, PEEK_AFTER); }
})();
