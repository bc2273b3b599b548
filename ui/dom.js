// dom.js -- elements without markup: whatever a stranger called his service is text here, never HTML.

/** An element. `attributes`: names and values (false leaves one out); children: elements or texts. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** A state as shape, colour and word; the shape says nothing to a screen reader that the word does not. */
export function mark(state, word = state) {
  return element("span", { class: `state ${state}` }, element("span", { class: "shape", "aria-hidden": "true" }), word);
}

/** Puts the children in place of what is there, but touches nothing if they are there already: focus stays. */
export function place(parent, children) {
  const same = parent.childNodes.length === children.length && children.every((child, i) => parent.childNodes[i] === child);
  if (!same) parent.replaceChildren(...children);
}
