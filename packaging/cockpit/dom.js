// Builds elements. Every text becomes a text node: nothing here interprets markup.

const SVG = "http://www.w3.org/2000/svg";

function add_to(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

// A table keeps these when a narrow screen shows it as blocks.
const ROLES = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell" };

// el("p", { class: "note", onclick: f, hidden: false }, "text", another_element)
export function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  if (tag in ROLES) element.setAttribute("role", ROLES[tag]);
  if (tag === "th")
    element.setAttribute("role", attributes.scope === "row" ? "rowheader" : "columnheader");
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, String(value));
  }
  add_to(element, children);
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren();
  add_to(element, children);
  return element;
}

const SHAPES = {
  ok: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM7 12.5l3.5 3.5 6.5-7",
  degraded: "M12 3 1.5 21h21zM12 10v5M12 17.5v.5",
  paused: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM9.5 8v8M14.5 8v8",
  disabled: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM8 8l8 8M16 8l-8 8",
  copy: "M8 8h12v13H8zM16 8V3H4v13h4",
};

// An icon is decoration: the words beside it say the same.
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${name}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

// Shows these items as the children of the container, and builds only those anew whose signature is another. A control
// that has the focus keeps it: data-control names it within its item.
export function show_items(container, items, { key, build }) {
  const before = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const focused = document.activeElement;
  const control = container.contains(focused) ? focused.dataset.control : undefined;
  const owner = control && focused.closest("[data-key]")?.dataset.key;
  const wanted = items.map((item) => {
    const name = key(item);
    const signature = JSON.stringify(item);
    const old = before.get(name);
    if (old?.signature === signature) return old;
    const made = build(item);
    made.dataset.key = name;
    made.signature = signature;
    return made;
  });
  const kept = new Set(wanted);
  for (const child of [...container.children]) if (!kept.has(child)) child.remove();
  wanted.forEach((child, at) => {
    if (container.children[at] !== child)
      container.insertBefore(child, container.children[at] || null);
  });
  if (control && document.activeElement !== focused)
    wanted
      .find((child) => child.dataset.key === owner)
      ?.querySelector(`[data-control="${control}"]`)
      ?.focus({ preventScroll: true });
}
