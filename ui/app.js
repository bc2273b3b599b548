// app.js -- puts the parts together: what is open is in the address, what changes comes by events, keys move.
import { byId } from "./dom.js";
import * as server from "./server.js";
import * as list from "./list.js";
import { openDetail, opened, refreshDetail, tick } from "./detail.js";
import { follow } from "./events.js";

const AT_ONCE = 20; // services that are asked for one by one; more are had by the whole list
const GATHER = 120; // ms in which changes are gathered
const AGAIN = 3000; // ms after which a list that could not be had is asked for again
const UNSEEN = 60000; // ms between two looks of a page that nobody sees: its title has the number of problems

const changed = new Set();
let timer = 0;
let again = 0;
let known = Infinity; // the index of the list: changes up to there are in it, or will be

/** The whole list anew; again after a while, if it cannot be had now. */
async function reload() {
  clearTimeout(again);
  try {
    const answer = await server.services();
    byId("zone").textContent = answer.Zone;
    byId("about").textContent = `svcdns ${answer.Version} on ${answer.Node} · DNS on ${answer.Dns}${answer.Cut ? " · the registry is large: only its beginning is shown" : ""}`;
    known = answer.Index;
    list.explainStart(answer, location.origin);
    list.setAll(answer.Services);
    if (opened()) await refreshDetail();
  } catch (error) {
    byId("summary").textContent = error.message;
    again = setTimeout(reload, AGAIN);
  }
}

async function lineOf(name) {
  return name === opened() ? refreshDetail() : (await server.service(name)).Service;
}

async function refreshChanged() {
  const names = [...changed];
  changed.clear();
  timer = 0;
  if (names.length > AT_ONCE) return reload();
  try {
    const lines = await Promise.all(names.map(lineOf));
    names.forEach((name, i) => list.set(name, lines[i]));
    list.show();
  } catch {
    reload();
  }
}

function onChange(name, index) {
  if (index <= known) return;
  changed.add(name);
  timer ||= setTimeout(refreshChanged, GATHER);
}

/** "#/service/web" is the service web, anything else is the list. */
function route() {
  const match = location.hash.match(/^#\/service\/(.+)$/);
  let name = null;
  try {
    name = match && decodeURIComponent(match[1]);
  } catch { /* not ours: the list */ }
  const before = opened();
  list.select(name);
  openDetail(name);
  if (!name && before) list.focusOn(before);
}

function escape() {
  const filter = byId("filter");
  if (document.activeElement === filter && filter.value) {
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
  } else if (document.activeElement === filter) {
    filter.blur();
  } else if (opened()) {
    location.hash = "#/";
  }
}

const KEYS = {
  "/": () => byId("filter").focus(),
  j: () => list.move(1),
  k: () => list.move(-1),
  ArrowDown: () => list.move(1),
  ArrowUp: () => list.move(-1),
  p: () => byId("problems").click(),
};

function onKey(event) {
  const target = event.target;
  const writing = target.matches("input:not([type=checkbox]), select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return escape();
  // From the filter the arrow leads into the list; in a list of choices or a text the keys are its own.
  if (writing && !(target.id === "filter" && event.key === "ArrowDown")) return;
  if (event.key.startsWith("Arrow") && target.closest(".detail, [role=tablist]")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

async function start() {
  list.startList();
  addEventListener("hashchange", route);
  addEventListener("keydown", onKey);
  setInterval(tick, 1000);
  setInterval(() => document.hidden && reload(), UNSEEN);
  await reload();
  route();
  follow({ changed: onChange, reload });
}

start();
