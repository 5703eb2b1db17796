// Returns what is wrong with the layout of the page, as texts. Fonts differ between machines, so no pixel is compared.
() => {
  const SLACK = 1.5;
  const root = document.documentElement;
  const problems = new Set();
  const styles = new Map();
  const style = (element) => styles.get(element) ?? styles.set(element, getComputedStyle(element)).get(element);
  const text = (element) => element.textContent.trim().replace(/\s+/g, " ").slice(0, 40);
  const name = (element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""} "${text(element)}"`;
  const scrolls = (element) => /auto|scroll/.test(style(element).overflowX + style(element).overflowY);
  const clips = (element) => /hidden|clip/.test(style(element).overflowX + style(element).overflowY);
  const shortens = (element) => style(element).textOverflow === "ellipsis" || style(element).webkitLineClamp !== "none";
  const hidden = (element) => !element.checkVisibility({ visibilityProperty: true }) || element.closest(".visually-hidden, .skip");
  const overlap = (one, other) => ({
    x: Math.min(one.right, other.right) - Math.max(one.left, other.left),
    y: Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top),
  });

  function* ancestors(element) {
    for (let each = element; each && each !== root; each = each.parentElement) yield each;
  }

  // The visible part of a line of text, or null. Reports a line that an ancestor cuts off without saying so.
  function visible(line, element) {
    let { left, right, top, bottom } = line;
    let reachable = false;
    for (const each of ancestors(element)) {
      const isScrolled = scrolls(each);
      if (!isScrolled && !clips(each)) continue;
      const box = each.getBoundingClientRect();
      const cut = left < box.left - SLACK || right > box.right + SLACK || top < box.top - SLACK || bottom > box.bottom + SLACK;
      reachable ||= isScrolled || shortens(each);
      if (cut && !reachable) problems.add(`cut off by ${name(each)}: ${name(element)}`);
      [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
      [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    return right - left > 1 && bottom - top > 1 ? { left, right, top, bottom } : null;
  }

  function lines() {
    const found = [];
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (nodes.nextNode()) {
      const node = nodes.currentNode;
      const element = node.parentElement;
      if (!node.data.trim() || element.closest("script, style, title, option, .boxes") || hidden(element)) continue;
      range.selectNodeContents(node);
      for (const line of range.getClientRects()) {
        const part = line.width > 1 ? visible(line, element) : null;
        if (part) found.push({ part, node, element });
      }
    }
    return found.sort((one, other) => one.part.top - other.part.top);
  }

  function findOverlaps(found) {
    found.forEach((one, number) => {
      for (let next = number + 1; next < found.length && found[next].part.top < one.part.bottom; next++) {
        const other = found[next];
        const { x, y } = overlap(one.part, other.part);
        const lower = Math.min(one.part.bottom - one.part.top, other.part.bottom - other.part.top);
        if (one.node !== other.node && x > SLACK && y > lower * 0.35)
          problems.add(`overlap: ${name(one.element)} and ${name(other.element)}`);
      }
    });
  }

  const wider = root.scrollWidth - root.clientWidth;
  if (wider > 0) problems.add(`the page is ${wider} pixels wider than the window`);
  findOverlaps(lines());
  for (const control of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
    if (hidden(control) || [...ancestors(control.parentElement)].some(scrolls)) continue;
    const box = control.getBoundingClientRect();
    if (box.left < -SLACK || box.right > root.clientWidth + SLACK) problems.add(`outside of the window: ${name(control)}`);
  }
  for (const drawn of document.querySelectorAll(".graph-stage text, .graph-topic text, .graph-sink text")) {
    if (hidden(drawn) || !drawn.textContent) continue;
    const [inner, outer] = [drawn, drawn.parentElement.querySelector("rect")].map((each) => each.getBoundingClientRect());
    if (inner.left < outer.left || inner.right > outer.right) problems.add(`wider than its box: ${name(drawn)}`);
  }
  if (root.clientWidth >= 1200) {
    for (const region of document.querySelectorAll(".table-wrap, .menu, .tabs, .stats")) {
      if (region.scrollWidth > region.clientWidth + SLACK) problems.add(`cut off at its right end: ${name(region)}`);
    }
  }
  return [...problems].slice(0, 8);
}
