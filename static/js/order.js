// Steps are ordered by hand: dragged by their grip, by its arrow keys, or by the arrows, which save without this script.
(() => {
  const list = document.querySelector("[data-order]");
  const opener = (event) => {
    const link = event.target.closest("[data-opens]");
    const part = link && document.getElementById(link.dataset.opens);
    if (!part) return;
    part.open = true;
    part.querySelector("input:not([type=hidden])")?.focus();
    event.preventDefault();
  };
  document.addEventListener("click", opener);
  if (!list) return;

  const note = document.querySelector("[data-unsaved]");
  const rows = () => [...list.querySelectorAll(":scope > [data-step]")];
  const before = rows();
  function written() {
    rows().forEach((row, index) => {
      row.querySelector("input[name$='-order']").value = index + 1;
      row.querySelector("[data-number]").textContent = index + 1;
    });
    note.hidden = rows().every((row, index) => row === before[index]);
  }
  function move(row, places, held) {
    const all = rows();
    const other = all[all.indexOf(row) + places];
    if (!other) return;
    if (places < 0) other.before(row); else other.after(row);
    written();
    held.focus();
  }

  list.addEventListener("click", (event) => {
    const arrow = event.target.closest(".rb-arrow");
    if (!arrow) return;
    event.preventDefault();
    move(arrow.closest("[data-step]"), arrow.classList.contains("up") ? -1 : 1, arrow);
  });
  list.addEventListener("keydown", (event) => {
    const grip = event.target.closest("[data-grip]");
    const places = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!grip || !places) return;
    event.preventDefault();
    move(grip.closest("[data-step]"), places, grip);
  });

  for (const grip of list.querySelectorAll("[data-grip]")) {
    const row = grip.closest("[data-step]");
    grip.hidden = false;
    grip.addEventListener("pointerdown", (event) => {
      grip.setPointerCapture(event.pointerId);
      row.classList.add("dragged");
    });
    grip.addEventListener("pointermove", (event) => {
      if (!grip.hasPointerCapture(event.pointerId)) return;
      const over = rows().find((one) => {
        const box = one.getBoundingClientRect();
        return one !== row && event.clientY > box.top && event.clientY < box.bottom;
      });
      if (!over) return;
      const box = over.getBoundingClientRect();
      const isBelow = over.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_PRECEDING;
      if (isBelow && event.clientY > box.top + box.height / 2) over.after(row);
      if (!isBelow && event.clientY < box.top + box.height / 2) over.before(row);
      if (!grip.hasPointerCapture(event.pointerId)) grip.setPointerCapture(event.pointerId);
    });
    grip.addEventListener("lostpointercapture", () => {
      row.classList.remove("dragged");
      written();
    });
  }
})();
