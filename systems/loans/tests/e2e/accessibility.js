// What a machine can say about how accessible the page is, as it is shown now. An empty list is good.
() => {
  const complaints = [];
  const complain = (rule, element, more = "") => {
    const id = element.id ? `#${element.id}` : "";
    complaints.push(`${rule}: <${element.localName}${id} class="${element.className?.baseVal ?? element.className}"> ${more}`.trim());
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true });
  const modal = document.querySelector("dialog[open]");
  const within = (element) => shown(element) && (!modal || modal.contains(element));

  // --- names: what a screen reader says of a control
  const textOf = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.textContent;
    if (node.nodeType !== Node.ELEMENT_NODE || node.ariaHidden === "true" || getComputedStyle(node).display === "none") return "";
    return node.ariaLabel ?? node.getAttribute("alt") ?? [...node.childNodes].map(textOf).join(" ");
  };
  const byIds = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)).map((e) => (e ? textOf(e) : "")).join(" ");
  const nameOf = (element) => {
    const labelled = element.getAttribute("aria-labelledby");
    if (labelled) return byIds(labelled);
    if (element.ariaLabel) return element.ariaLabel;
    return element.labels ? [...element.labels].map(textOf).join(" ") || textOf(element) : textOf(element);
  };
  for (const control of all("a[href], button, input:not([type=hidden]), select, textarea, summary, progress, dialog[open]")) {
    if ((shown(control) || control.type === "radio") && nameOf(control).trim() === "") complain("has no name", control);
  }
  for (const region of all("nav, form[role=search], section[aria-labelledby]")) {
    const name = region.hasAttribute("aria-labelledby") ? nameOf(region) : (region.ariaLabel ?? "");
    if (within(region) && name.trim() === "") complain("landmark without a name", region);
  }
  for (const image of all("img:not([alt]), svg:not([aria-hidden=true], [role=img])")) complain("image without a text", image);

  // --- structure
  const seen = new Set();
  for (const element of all("[id]")) {
    if (seen.has(element.id)) complain("id is used twice", element);
    seen.add(element.id);
  }
  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6").filter((heading) => !heading.closest("dialog, .panel"))) {
    const own = Number(heading.localName[1]);
    if (own > level + 1) complain("heading skips a level", heading, heading.textContent.trim());
    level = own;
  }
  if (all("main").length !== 1) complain("not exactly one main", document.body);
  if (all("h1").length !== 1) complain("not exactly one h1", document.body);
  if (!document.documentElement.lang) complain("no language", document.documentElement);
  if (!document.title.trim()) complain("no title", document.head);
  for (const header of all("table th:not([scope])")) complain("header cell without a scope", header);
  for (const list of all("ul, ol")) {
    for (const child of list.children) if (child.localName !== "li") complain("child of a list is no item", child);
  }

  // --- sizes: what a finger can hit (WCAG 2.2, 2.5.8)
  for (const control of all("button, a.button, select, input:not([type=hidden], [type=radio]), summary, nav a").filter(within)) {
    const { width, height } = control.getBoundingClientRect();
    if (width < 24 || height < 24) complain("smaller than 24 pixels", control, `${width} x ${height}`);
  }

  // --- contrast (WCAG 1.4.3)
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const parts = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], alpha: a / 255 };
  };
  const over = (top, bottom) => top.rgb.map((value, i) => value * top.alpha + bottom[i] * (1 - top.alpha));
  const behind = (element) => {
    if (!element) return parts(getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#fff").rgb;
    const own = parts(getComputedStyle(element).backgroundColor);
    return own.alpha === 1 ? own.rgb : over(own, behind(element.parentElement));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !within(element) || element.closest(".hidden, .skip, script, :disabled, option")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const [high, low] = [light(over(parts(style.color), ground)), light(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < needed) complain("contrast", element, `${ratio.toFixed(2)} of ${needed}: ${walker.currentNode.textContent.trim()}`);
  }
  return complaints;
};
