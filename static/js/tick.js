// The clock of the live parts: sends `live:tick` to the body, and only while somebody is there to see it.
(() => {
  const body = document.body;
  const every = Number(body.dataset.live || 0) * 1000;
  if (!every) return;
  const STEPS = [1, 2, 6]; // back-off: 10, 20, 60 s when the first is 10 s
  const IDLE = 30 * 60 * 1000;
  let failures = 0, paused = false, lastInput = Date.now(), lastGood = Date.now(), timer = 0;

  const badge = () => document.querySelector("[data-live-badge]");
  function say(text, state) {
    const mark = badge();
    if (!mark) return;
    mark.textContent = text;
    mark.classList.toggle("off", state === "off");
    mark.classList.toggle("slow", state === "slow");
  }
  function show() {
    if (paused) return say("Paused", "off");
    if (!navigator.onLine) return say("Offline, your text is kept", "slow");
    if (Date.now() - lastInput > IDLE) return say("Stopped, move to go on", "off");
    if (failures) return say(`Live updates stopped ${Math.round((Date.now() - lastGood) / 1000)} s ago, trying again`, "slow");
    say("Live", "on");
  }
  function plan() {
    clearTimeout(timer);
    const wait = every * STEPS[Math.min(failures, STEPS.length - 1)] * (0.85 + Math.random() * 0.3);
    timer = setTimeout(beat, wait);
  }
  function beat() {
    const mayAsk = !paused && !document.hidden && navigator.onLine && Date.now() - lastInput <= IDLE;
    if (mayAsk) body.dispatchEvent(new CustomEvent("live:tick"));
    show();
    plan();
  }
  const isTick = (event) => event.detail.requestConfig?.triggeringEvent?.type === "live:tick";
  const failed = (event) => { if (isTick(event)) { failures += 1; show(); } };
  body.addEventListener("htmx:sendError", failed);
  body.addEventListener("htmx:responseError", failed);
  body.addEventListener("htmx:afterRequest", (event) => {
    if (isTick(event) && event.detail.successful) { failures = 0; lastGood = Date.now(); show(); }
  });
  for (const name of ["pointerdown", "keydown", "scroll", "pointermove"]) {
    addEventListener(name, () => {
      const wasIdle = Date.now() - lastInput > IDLE;
      lastInput = Date.now();
      if (wasIdle) beat();
    }, { passive: true });
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
  addEventListener("online", beat);
  addEventListener("offline", show);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-live-pause]");
    if (!button) return;
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.setAttribute("aria-label", paused ? "Resume live updates" : "Pause live updates");
    show();
  });
  plan();
})();
