// Updates the state of each stage in the graph: htmx cannot swap parts of an SVG picture.
document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (event.target.id !== "graph-nodes") return;
  event.preventDefault();
  const states = JSON.parse(event.detail.data);
  for (const text of document.querySelectorAll("[data-node]")) {
    const state = states[text.dataset.node];
    if (!state) continue;
    text.textContent = state.text;
    text.setAttribute("class", state.tone ? `graph-detail graph-detail--${state.tone}` : "graph-detail");
  }
});
