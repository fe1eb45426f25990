// Narrows the list of events while one types. Without this script the form asks the server for the same.
const form = document.querySelector("[data-filter]");
const field = form.querySelector("input");
const count = form.querySelector("[data-count]");
const intro = document.querySelector("[data-intro]");
const events = [...document.querySelectorAll("[data-event]")];
const topics = [...document.querySelectorAll("[data-topic]")];
const index = new Map([...document.querySelectorAll("[data-for]")].map((one) => [one.dataset.for, one]));
const groups = new Map([...document.querySelectorAll("[data-group]")].map((one) => [one.dataset.group, one]));

function narrow() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const event of events) {
    const fits = words.every((word) => event.dataset.words.includes(word));
    event.hidden = !fits;
    index.get(event.dataset.event).hidden = !fits;
    found += fits;
  }
  for (const topic of topics) {
    topic.hidden = !topic.querySelector("[data-event]:not([hidden])");
    groups.get(topic.id).hidden = topic.hidden;
  }
  intro.hidden = words.length > 0;
  count.textContent = found === events.length ? `${found} shown` : `${found} of ${events.length} shown`;
}

// What the server has left out is not here to be shown: ask it for the whole list again.
if (new URLSearchParams(location.search).get("q")) {
  field.addEventListener("input", () => { if (!field.value) location.assign("/docs/events"); });
} else {
  form.classList.add("live");
  field.addEventListener("input", narrow);
  form.addEventListener("submit", (event) => { event.preventDefault(); narrow(); });
  // A link to an event that is narrowed away shows it.
  addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.closest("[hidden]")) { field.value = ""; narrow(); target.scrollIntoView(); }
  });
  if (field.value) narrow();
}
