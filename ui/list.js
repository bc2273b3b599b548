// list.js -- the table of services: filter, problems only, a piece at a time, moved through by keys.
import { byId, element, mark, place } from "./dom.js";
import { count, hasProblem, inMaintenance, partlyOut, serviceState } from "./words.js";
import { firstSteps } from "./snippets.js";

const PIECE = 200; // rows that are shown before one asks for more
const TAGS = 4;
const PORTS = 3;

const lines = new Map(); // by name
const rows = new Map(); // by name: what was drawn of it
const view = { shown: PIECE, selected: null };

let sorted = null; // names in order; null after one came or went
let loaded = false; // the list has come

const link = (name) => `#/service/${encodeURIComponent(name)}`;

/** The first ones of many, and how many more there are. */
function few(all, most, draw) {
  const rest = all.slice(most);
  return [...all.slice(0, most).map(draw), rest.length > 0 && element("span", { class: "rest", title: rest.join(", ") }, `+${rest.length}`)];
}

const tag = (text) => element("span", { class: "tag" }, text);
const port = (number, i) => (i ? `, ${number}` : String(number));

function bar(line) {
  const box = element("span", { class: "bar", "aria-hidden": "true" });
  const full = element("span", { class: `full ${serviceState(line)[0]}` });
  full.style.setProperty("--part", line.Instances ? line.Healthy / line.Instances : 0);
  box.append(full);
  return box;
}

function draw(line) {
  const [state, word] = serviceState(line);
  const ports = line.Ports.filter(Boolean);
  const out = partlyOut(line);
  const row = element("tr", { class: state, "data-name": line.Name },
    element("th", { scope: "row" }, element("a", { href: link(line.Name) }, line.Name)),
    element("td", {}, mark(state, word), out && element("span", { class: "out" }, out)),
    element("td", { class: "number" }, `${line.Healthy} / ${line.Instances}`, bar(line)),
    element("td", { class: "ports" }, ...(ports.length ? few(ports, PORTS, port) : ["–"])),
    element("td", { class: "tags" }, ...few(line.Tags, TAGS, tag)));
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
  const none = loaded && lines.size === 0;
  byId("services").hidden = found === 0;
  byId("start").hidden = !none;
  nothing.hidden = found > 0 || none || !loaded;
  const out = [...lines.values()].some((line) => line.Maintenance > 0);
  nothing.textContent = byId("problems").checked && !byId("filter").value ? `No problems: every instance is healthy${out ? " or in maintenance" : ""}.` : "Nothing matches.";
}

/** Nothing is registered: what to do about it. */
export function explainStart(frame, origin) {
  place(byId("steps"), firstSteps(frame, origin));
}

function summarize() {
  let instances = 0, healthy = 0, out = 0, problems = 0;
  for (const line of lines.values()) {
    instances += line.Instances;
    healthy += line.Healthy;
    out += line.Maintenance;
    problems += hasProblem(line);
  }
  const said = lines.size === 0 ? ["no services"] : [
    count(lines.size, "service", "services"),
    `${healthy.toLocaleString()} of ${count(instances, "instance", "instances")} healthy`,
    ...(out ? [inMaintenance(out)] : []),
    problems ? count(problems, "problem", "problems") : "no problems",
  ];
  byId("summary").replaceChildren(...said.flatMap((text, i) => [i ? " · " : "", element("span", {}, text)]));
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
  loaded = true;
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
  if (loaded) show();
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
