// The tab that is open stands in view, also where not all of them fit; only the strip moves, never the page.
(() => {
  for (const open of document.querySelectorAll(".tabs > [aria-current]")) {
    const strip = open.parentElement, at = open.getBoundingClientRect(), box = strip.getBoundingClientRect();
    strip.scrollLeft += at.left + at.width / 2 - box.left - box.width / 2;
  }
})();
