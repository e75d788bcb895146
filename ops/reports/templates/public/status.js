"use strict";
// A static page cannot know whether it is still fed: it looks at its own age.
const page = document.body.dataset;
function look() {
  const old = Date.now() / 1000 - Number(page.made) > Number(page.stale);
  document.body.classList.toggle("stale", old);
  document.getElementById("old").hidden = !old;
}
look();
setInterval(look, 15000);
