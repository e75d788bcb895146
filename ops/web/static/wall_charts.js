// Draws an office's past with uPlot; the same figures are a table behind the links below it.
(() => {
  "use strict";
  const place = document.getElementById("chart");
  if (!place || !window.uPlot) return;
  const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--dim");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const mega = (values) => values.map((value) => (value === null ? null : value / 1e6));
  let drawn = [];

  // by the region's clock, whatever the browser's is
  const zone = place.dataset.zone;
  const form = (more) => new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone, ...more });
  const clock = form({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = form({ day: "numeric", month: "short" });
  const times = (_plot, splits) => splits.map((at) => (splits[1] - splits[0] >= 86400 ? day : clock).format(at * 1000));
  const moment = (_plot, at) => (at === null ? "–" : `${day.format(at * 1000)} ${clock.format(at * 1000)}`);

  const axis = (more) => ({ stroke: ink(), grid: { stroke: colour("--line"), width: 1 }, ...more });
  const chart = (series, data, height) => {
    const holder = document.createElement("div");
    place.append(holder);
    drawn.push(new uPlot({ width: place.clientWidth, height, series: [{ label: place.dataset.time, value: moment }, ...series], axes: [axis({ values: times }), axis({ size: 60 })], tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone), cursor: { sync: { key: "past" } } }, data, holder));
  };

  const draw = (past) => {
    place.replaceChildren();
    drawn = [];
    const words = place.dataset;
    chart(
      [
        { label: words.download, stroke: colour("--run"), width: 2, fill: undefined },
        { label: words.upload, stroke: colour("--ok"), width: 2, dash: [8, 4] },
        { label: words.contract, stroke: colour("--bad"), width: 2, dash: [2, 4] },
      ],
      [past.times, mega(past.download), mega(past.upload), past.times.map(() => past.contract / 1e6)],
      240,
    );
    chart([{ label: words.light, stroke: colour("--warn"), width: 2 }], [past.times, past.light], 150);
  };

  const load = async (span) => {
    try {
      const answer = await fetch(`${place.dataset.url}?span=${span}`, { headers: { accept: "application/json" } });
      const past = await answer.json();
      if (answer.ok && !past.error) draw(past);
      else place.textContent = `${place.dataset.none} ${past.error || ""}`;
    } catch {
      place.textContent = place.dataset.none;
    }
  };

  for (const button of document.querySelectorAll("button[data-span]")) {
    button.hidden = false;
    button.addEventListener("click", () => load(button.dataset.span));
  }
  window.addEventListener("resize", () => { for (const one of drawn) one.setSize({ width: place.clientWidth, height: one.height }); });
  load("day");
})();
