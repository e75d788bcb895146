// Small helps on top of pages that work without them.
(() => {
  "use strict";
  // a choice in a filter takes effect at once
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form && event.target.matches("select, input[type=checkbox], input[type=date]")) form.requestSubmit();
  });
  // a button that must not be pressed twice
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
  // live output stays at its end unless the person scrolls up
  document.addEventListener("htmx:sseMessage", (event) => {
    const log = event.target.closest(".log");
    if (log && log.scrollHeight - log.scrollTop - log.clientHeight < 160) log.scrollTop = log.scrollHeight;
  });
  // what has changed as a whole (a run that has ended) is read anew
  document.addEventListener("htmx:sseClose", () => location.reload());
})();
