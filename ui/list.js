// list.js -- the table of services: filter, problems only, a piece at a time, moved through by keys.
import { byId, element, mark, place } from "./dom.js";
import { count, hasProblem, serviceState } from "./words.js";

const PIECE = 200; // rows that are shown before one asks for more
const TAGS = 4;

const lines = new Map(); // by name
const rows = new Map(); // by name: what was drawn of it
const view = { shown: PIECE, selected: null };

let sorted = null; // names in order; null after one came or went

const link = (name) => `#/service/${encodeURIComponent(name)}`;

function tagList(tags) {
  const shown = tags.slice(0, TAGS).map((tag) => element("span", { class: "tag" }, tag));
  const rest = tags.length - shown.length;
  return rest > 0 ? [...shown, element("span", { class: "rest", title: tags.slice(TAGS).join(", ") }, `+${rest}`)] : shown;
}

function bar(line) {
  const box = element("span", { class: "bar", "aria-hidden": "true" });
  const full = element("span", { class: `full ${serviceState(line)[0]}` });
  full.style.setProperty("--part", line.Instances ? line.Healthy / line.Instances : 0);
  box.append(full);
  return box;
}

function draw(line) {
  const [state, word] = serviceState(line);
  const row = element("tr", { class: state, "data-name": line.Name },
    element("th", { scope: "row" }, element("a", { href: link(line.Name) }, line.Name)),
    element("td", {}, mark(state, word)),
    element("td", { class: "number" }, `${line.Healthy} / ${line.Instances}`, bar(line)),
    element("td", { class: "ports" }, line.Ports.filter(Boolean).join(", ") || "–"),
    element("td", { class: "tags" }, ...tagList(line.Tags)));
  row.addEventListener("click", (event) => {
    if (event.target.closest("a") || String(getSelection())) return;
    location.hash = link(line.Name);
  });
  return row;
}

function rowOf(line) {
  const key = JSON.stringify(line);
  const known = rows.get(line.Name);
  if (known?.key === key) return known.row;
  const row = draw(line);
  if (known) {
    const focused = known.row.contains(document.activeElement);
    row.classList.add("changed");
    known.row.replaceWith(row);
    if (focused) row.querySelector("a").focus();
  }
  rows.set(line.Name, { key, row });
  return row;
}

function matches(line, words) {
  const text = `${line.Name}\n${line.Tags.join("\n")}\n${line.Ports.join("\n")}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function wanted() {
  sorted ??= [...lines.keys()].sort((a, b) => a.localeCompare(b));
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const problems = byId("problems").checked;
  return sorted.map((name) => lines.get(name)).filter((line) => (!problems || hasProblem(line)) && matches(line, words));
}

function explainEmpty(found) {
  const nothing = byId("nothing");
  nothing.hidden = found > 0;
  byId("services").hidden = found === 0;
  nothing.textContent = lines.size === 0 ? "No service is registered yet."
    : byId("problems").checked && !byId("filter").value ? "No problems: every instance is healthy."
      : "Nothing matches.";
}

function summarize() {
  let instances = 0, healthy = 0, problems = 0;
  for (const line of lines.values()) {
    instances += line.Instances;
    healthy += line.Healthy;
    problems += hasProblem(line);
  }
  byId("summary").textContent = [
    count(lines.size, "service", "services"),
    `${healthy.toLocaleString()} of ${count(instances, "instance", "instances")} healthy`,
    problems ? count(problems, "problem", "problems") : "no problems",
  ].join(" · ");
  document.title = problems ? `(${problems}) svcdns` : "svcdns";
}

/** Draws what is to be seen of the list. */
export function show() {
  const found = wanted();
  const seen = found.slice(0, view.shown);
  place(byId("rows"), seen.map(rowOf));
  for (const row of byId("rows").children) row.toggleAttribute("data-selected", row.dataset.name === view.selected);
  const more = byId("more");
  more.hidden = seen.length === found.length;
  more.textContent = `Show more: ${(found.length - seen.length).toLocaleString()} are left`;
  explainEmpty(found.length);
  summarize();
}

/** All services anew. */
export function setAll(list) {
  lines.clear();
  for (const line of list) lines.set(line.Name, line);
  for (const name of rows.keys()) if (!lines.has(name)) rows.delete(name);
  sorted = null;
  show();
}

/** One service changed, or is gone (null). */
export function set(name, line) {
  if (!line || !lines.has(line.Name)) sorted = null;
  if (line) {
    lines.set(line.Name, line);
  } else {
    lines.delete(name);
    rows.delete(name);
  }
}

/** Marks the service that is open. */
export function select(name) {
  view.selected = name;
  show();
}

/** Moves the focus by so many rows. */
export function move(step) {
  const links = [...byId("rows").querySelectorAll("th a")];
  const at = links.indexOf(document.activeElement);
  const start = at >= 0 ? at + step : Math.max(0, links.findIndex((each) => each.closest("[data-selected]")));
  links[Math.min(Math.max(start, 0), links.length - 1)]?.focus();
}

/** Back to the row of a service. */
export const focusOn = (name) => rows.get(name)?.row.querySelector("a").focus();

export function startList() {
  const again = () => {
    view.shown = PIECE;
    show();
  };
  byId("filter").addEventListener("input", again);
  byId("problems").addEventListener("change", again);
  byId("more").addEventListener("click", () => {
    view.shown += PIECE;
    show();
  });
}
