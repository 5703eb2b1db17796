// Updates the state of each stage in the graph: htmx cannot swap parts of an SVG picture.
function show(element, text, tone) {
  element.textContent = text;
  element.classList.remove("tone-warn", "tone-bad");
  if (tone) element.classList.add(`tone-${tone}`);
}

document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (event.target.id !== "graph-nodes") return;
  event.preventDefault();
  const states = JSON.parse(event.detail.data);
  for (const element of document.querySelectorAll("[data-node], [data-slots]")) {
    const state = states[element.dataset.node ?? element.dataset.slots];
    if (!state) continue;
    if (element.dataset.node) show(element, state.text, state.tone);
    else show(element, state.slots, state.slots_tone);
  }
});
