// Small comforts. Everything on the pages works without this file.
import { initAll } from "./govuk-frontend.js";

document.body.classList.add("js-enabled");
if ("noModule" in HTMLScriptElement.prototype) document.body.classList.add("govuk-frontend-supported");
initAll();

// Says that something is new, by the portal's own event stream; the reader decides when to load it.
for (const place of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(`${place.dataset.live}?since=${encodeURIComponent(place.dataset.mark || "")}`);
  source.addEventListener("changed", () => {
    if (place.childElementCount) return;
    const link = document.createElement("a");
    link.className = "govuk-link";
    link.href = window.location.pathname + window.location.search;
    link.textContent = "Something has changed. Load it";
    place.append(link);
  });
  source.addEventListener("over", () => source.close());
  window.addEventListener("pagehide", () => source.close());
}

// Counts down while several things can still be called off, then looks at how they went.
for (const place of document.querySelectorAll("[data-countdown]")) {
  let left = Number(place.dataset.countdown);
  const tick = window.setInterval(() => {
    left -= 1;
    place.textContent = String(Math.max(left, 0));
    if (left <= -1) {
      window.clearInterval(tick);
      window.location.reload();
    }
  }, 1000);
}

// Leaves a form that was changed only when asked.
for (const form of document.querySelectorAll("form[data-keep]")) {
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}
