// Keeps the wall up: parts as they change, the data's age every second, and grey when nothing is heard any more.
(() => {
  "use strict";
  const wall = document.querySelector("[data-live]");
  if (!wall) return;
  const SILENT = 15; // seconds without a beat: the stream is dead, whatever the browser believes
  const OLD = 20; // seconds after which what routers told is stale
  const units = wall.dataset.units.split(",");
  const at = (name) => document.getElementById(`wall-${name}`);
  let beat = JSON.parse(wall.dataset.beat);
  let heard = performance.now();

  const span = (seconds) => {
    const s = Math.max(0, Math.round(seconds));
    const [hours, minutes, rest] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
    if (hours) return `${hours} ${units[0]} ${minutes} ${units[1]}`;
    return minutes ? `${minutes} ${units[1]} ${rest} ${units[2]}` : `${rest} ${units[2]}`;
  };

  const tick = () => {
    const silence = (performance.now() - heard) / 1000;
    const age = beat.age === null ? null : beat.age + silence;
    const stale = beat.stale || silence > SILENT || age === null || age > OLD;
    const told = age === null ? "–" : span(age);
    at("age").textContent = told;
    wall.classList.toggle("wall-stale", stale);
    if (at("old").hidden === stale) at("old").hidden = !stale;
    if (stale) at("old-age").textContent = told;
    at("clock").textContent = beat.clock;
    at("day").textContent = beat.day;
  };

  const stream = () => {
    const source = new EventSource(wall.dataset.live);
    for (const part of ["headline", "figures", "map", "problems", "offices", "jobs"]) {
      source.addEventListener(part, (event) => { at(part).innerHTML = event.data; });
    }
    source.addEventListener("beat", (event) => {
      beat = JSON.parse(event.data);
      heard = performance.now();
      tick();
    });
    // an answer that is no stream (logged out, server away) ends an EventSource for good: try anew
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      setTimeout(stream, 5000);
    });
  };

  stream();
  setInterval(tick, 1000);
})();
