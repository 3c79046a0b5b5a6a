// Returns, in words, what a reader sees of a page that does not fit: what sticks out, is cut off or lies on another thing.
() => {
  const GROUPS = "body > header, .filters, .range, .buttons, .cards, .legend, .looks, .look, .panels, .finding, .asked, .choices, .chain-head, .axis, .scale, main, main > section, #chain, figure";
  const SCROLLED = ".scroll, .tabulator, pre, .hidden-text, .skip, .brand, svg";
  const problems = [];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  const words = (element) =>
    `${element.tagName.toLowerCase()}${element.id && `#${element.id}`}${element.className && `.${element.className}`}`
    + ` "${element.textContent.trim().slice(0, 40)}"`;

  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) problems.push(`the page is ${root.scrollWidth} wide`);

  for (const element of document.body.querySelectorAll("*")) {
    if (!shown(element) || element.closest(SCROLLED)) continue;
    const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!texts.length) continue;
    const block = getComputedStyle(element).display !== "inline";
    if (block && element.scrollWidth > element.clientWidth + 1) problems.push(`cut off: ${words(element)}`);
    if (block && getComputedStyle(element).overflowY !== "visible" && element.scrollHeight > element.clientHeight + 1) {
      problems.push(`cut off below: ${words(element)}`);
    }
    for (const text of texts) {
      const range = document.createRange();
      range.selectNodeContents(text);
      const { left, right } = range.getBoundingClientRect();
      if (left < -1 || right > innerWidth + 1) problems.push(`sticks out: ${words(element)}`);
    }
  }

  const overlap = (one, other) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1
    && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 1;
  for (const group of document.querySelectorAll(GROUPS)) {
    const boxes = [...group.children]
      .filter((child) => shown(child) && !["sticky", "absolute"].includes(getComputedStyle(child).position) && !child.matches("br, wbr"))
      .map((child) => [child, child.getBoundingClientRect()]);
    boxes.forEach(([child, box], at) => {
      for (const [other, its] of boxes.slice(at + 1)) {
        if (overlap(box, its)) problems.push(`${words(child)} lies on ${words(other)}`);
      }
    });
  }

  const sections = document.getElementById("sections");
  if (shown(sections) && overlap(sections.getBoundingClientRect(), document.getElementById("main").getBoundingClientRect())) {
    problems.push("the list of sections covers the content");
  }
  for (const canvas of document.querySelectorAll("#chain canvas")) {
    const { width, height } = canvas.getBoundingClientRect();
    if (width > canvas.parentElement.clientWidth + 1 || height > canvas.parentElement.clientHeight + 1) {
      problems.push(`a picture is larger than its frame: ${words(canvas.parentElement)}`);
    }
  }
  for (const drawing of document.querySelectorAll(".panel svg")) {
    const box = drawing.getBoundingClientRect();
    for (const text of drawing.querySelectorAll("text")) {
      const its = text.getBoundingClientRect();
      if (its.left < box.left - 1 || its.right > box.right + 1 || its.top < box.top - 1 || its.bottom > box.bottom + 1) {
        problems.push(`a text sticks out of its figure: ${words(text)} of ${drawing.closest("figure").id}`);
      }
    }
  }
  return problems;
}
