// detail.js -- one service: its instances with their checks, what DNS answers, and how others find it.
import { byId, element, mark, place } from "./dom.js";
import { copyButton } from "./clipboard.js";
import { clockTime, count, duration, firstLine, partlyOut, serviceState, state } from "./words.js";
import * as server from "./server.js";
import { snippets, snippetTabs, srvName } from "./snippets.js";

const TYPES = ["SRV", "A", "AAAA"];
const PIECE = 20; // instances that are shown before one asks for more
const LONG = 12; // records from which on they scroll in a box of their own

const open = { name: null, turn: 0, skew: 0, lookup: "", piece: PIECE };

/* --- Instances --- */

/** "for 12 s", kept up to date by tick(). */
function since(check) {
  if (!check.Since) return null;
  const text = element("time", { datetime: new Date(check.Since).toISOString(), "data-since": String(check.Since), title: `since ${clockTime(check.Since)}` });
  text.textContent = duration(Date.now() - open.skew - check.Since);
  return text;
}

function output(check) {
  const text = (check.Output || check.Notes).trim();
  if (!text) return null;
  const first = firstLine(text);
  if (first === text) return null; // the sentence says it all
  return element("details", { class: "output" }, element("summary", {}, "Whole output"), element("pre", { tabindex: "0" }, text));
}

function drawCheck(check, alone) {
  const [kind, word] = state(check);
  const said = firstLine(check.Output || check.Notes);
  const about = [check.Type || "set by its owner", check.OfNode ? "of the node" : ""].filter(Boolean).join(", ");
  const time = since(check);
  return element("li", { class: "check" },
    element("p", { class: "sentence" }, alone ? word : mark(kind, word), time && " for ", time, said && ": ", said && element("span", { class: "said" }, said)),
    element("p", { class: "about" }, element("span", { class: "id" }, check.Name || check.Id), ` (${about})`),
    output(check));
}

function drawInstance(instance) {
  const [kind, word] = state(instance);
  const host = instance.Address.includes(":") ? `[${instance.Address}]` : instance.Address;
  const address = instance.Port ? `${host}:${instance.Port}` : instance.Address;
  return element("li", { class: `instance ${kind}`, "data-id": instance.Id },
    element("div", { class: "head" },
      mark(kind, word), element("span", { class: "id" }, instance.Id),
      element("span", { class: "where" }, element("code", {}, address), copyButton(`the address of ${instance.Id}`, () => address))),
    element("p", { class: "about" }, `on ${instance.Node}`,
      ...instance.Tags.map((tag) => element("span", { class: "tag" }, tag))),
    instance.Checks.length
      ? element("ul", { class: "checks" }, ...instance.Checks.map((check) => drawCheck(check, instance.Checks.length === 1)))
      : element("p", { class: "about" }, "no check: always healthy"));
}

/** Instances keep their elements while nothing about them changes, so that nobody's selection or focus goes. */
const drawn = new Map();

function instanceElement(instance) {
  const key = JSON.stringify(instance);
  const known = drawn.get(instance.Id + "\n" + instance.Node);
  if (known?.key === key) return known.made;
  const made = drawInstance(instance);
  drawn.set(instance.Id + "\n" + instance.Node, { key, made });
  return made;
}

/* --- DNS --- */

function namesOf(answer) {
  const name = `${answer.Service.Name}.${answer.Zone}`;
  return [name, srvName(answer.Service.Name, answer.Zone),
    ...answer.Service.Tags.filter((tag) => /^[A-Za-z0-9-]+$/.test(tag)).map((tag) => `${tag}.${name}`)];
}

function drawRecords(types, list) {
  const table = element("table", { class: "records" },
    element("thead", {}, element("tr", {}, ...["Name", "TTL", "Type", "Data"].map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, ...list.map((record) => element("tr", {},
      element("td", { class: "owner" }, record.Name), element("td", { class: "ttl" }, String(record.TTL)),
      element("td", { class: "type" }, record.Type), element("td", { class: "data" }, record.Data)))));
  const long = list.length > LONG && { tabindex: "0", role: "region", "aria-label": `${types} records` };
  return element("div", { class: "box", ...long }, table);
}

function drawAnswer({ types, answer, error }) {
  const type = types.join(", ");
  const box = (...children) => element("div", { class: "answer", "data-type": types.join(" ") }, ...children);
  if (error) return box(element("h4", {}, type, element("span", {}, error)));
  const order = [...answer.Answer].sort((a, b) => a.Data.localeCompare(b.Data, undefined, { numeric: true }));
  const why = answer.Why.length ? element("p", { class: "why" }, answer.Why.join("; ")) : null;
  const size = answer.Size > 1232 ? ", too large for UDP: clients ask again by TCP" : "";
  const text = order.length ? `${count(order.length, "record", "records")}, ${answer.Size.toLocaleString()} bytes${size}` : `no records (${answer.Status})`;
  return box(element("h4", {}, type, element("span", {}, text)), why, order.length ? drawRecords(type, order) : null);
}

async function ask(name, type) {
  try {
    return { types: [type], answer: await server.records(name, type) };
  } catch (error) {
    return { types: [type], error: error.message };
  }
}

/** Types that answer nothing, and for the same reason, are said in one breath. */
function gather(answers) {
  const said = new Map();
  return answers.filter((each) => {
    const key = each.error || (each.answer.Answer.length ? each.types[0] : `${each.answer.Status} ${each.answer.Why}`);
    said.get(key)?.types.push(...each.types);
    return !said.has(key) && said.set(key, each);
  });
}

async function showRecords(turn) {
  const name = open.lookup;
  const types = name.startsWith("_") ? ["SRV"] : TYPES;
  const answers = await Promise.all(types.map((type) => ask(name, type)));
  if (turn !== open.turn || name !== open.lookup) return;
  const at = byId("answers").querySelectorAll(".box");
  const scrolled = [...at].map((box) => box.scrollTop);
  place(byId("answers"), gather(answers).map(drawAnswer));
  byId("answers").querySelectorAll(".box").forEach((box, i) => { box.scrollTop = scrolled[i] || 0; });
}

function drawLookup(names) {
  if (!names.includes(open.lookup)) open.lookup = names[0];
  const choice = element("select", { id: "lookup", "aria-label": "Name" }, ...names.map((name) => element("option", { selected: name === open.lookup }, name)));
  choice.addEventListener("change", () => {
    open.lookup = choice.value;
    showRecords(open.turn);
  });
  return [choice, copyButton("the name", () => choice.value)];
}

/* --- The whole --- */

const title = (name) => element("header", {},
  element("h2", { id: "detail-title", tabindex: "-1" }, name),
  element("a", { class: "close", href: "#/", "aria-label": "Close" }, "×"));

function frame(name) {
  return [
    title(name), element("p", { id: "overall", class: "overall" }),
    element("h3", {}, "Instances"), element("ul", { id: "instances", class: "instances" }),
    element("p", { class: "more" }, element("button", { id: "more-instances", type: "button", hidden: true })),
    element("p", { id: "unshown", class: "about", hidden: true }),
    element("h3", {}, "What DNS answers now"), element("div", { id: "names", class: "lookup" }), element("div", { id: "answers", class: "answers" }),
    element("h3", {}, "Find it from"), element("div", { id: "snippets" }),
  ];
}

/** By id, from what a part was drawn last: one that stays the same is left alone, with its focus and selection. */
const parts = new Map();

function part(id, from, draw) {
  const key = JSON.stringify(from);
  if (parts.get(id) === key) return;
  const focus = byId(id).contains(document.activeElement) && document.activeElement.id;
  byId(id).replaceChildren(...draw());
  if (focus) byId(focus)?.focus();
  parts.set(id, key);
}

function showInstances(answer) {
  const shown = answer.Details.slice(0, open.piece);
  const more = byId("more-instances");
  const left = answer.Details.length - shown.length;
  place(byId("instances"), shown.map(instanceElement));
  more.hidden = left === 0;
  more.textContent = `Show more: ${count(left, "is", "are")} left`;
  more.onclick = () => {
    open.piece += 10 * PIECE;
    showInstances(answer);
  };
  const unshown = answer.Service.Instances - answer.Details.length;
  byId("unshown").hidden = unshown === 0 || left > 0;
  byId("unshown").textContent = `${count(unshown, "more instance is", "more instances are")} not shown; those with problems come first.`;
}

function show(answer) {
  const { Name, Instances, Healthy } = answer.Service;
  const [kind, word] = serviceState(answer.Service);
  const out = partlyOut(answer.Service);
  const found = snippets(answer.Service, answer, location.origin);
  open.skew = Date.now() - answer.Now;
  if (!byId("instances")) byId("detail").replaceChildren(...frame(Name));
  const healthy = `${Healthy} of ${count(Instances, "instance", "instances")} healthy${out ? `, ${out}` : ""}`;
  part("overall", [kind, word, healthy], () => [mark(kind, word), healthy]);
  part("names", namesOf(answer), () => drawLookup(namesOf(answer)));
  part("snippets", found, () => [snippetTabs(found)]);
  showInstances(answer);
}

/** Draws the open service anew; its line of the list, null if there is no such service (any more). Throws Refused. */
export async function refreshDetail() {
  const turn = ++open.turn;
  if (!open.name) return null;
  try {
    const answer = await server.service(open.name);
    if (turn !== open.turn) return answer.Service;
    if (answer.Service) {
      show(answer);
      showRecords(turn);
    } else {
      showMissing("It is not registered.");
    }
    return answer.Service;
  } catch (error) {
    if (turn === open.turn) showMissing(error.message);
    throw error;
  }
}

function showMissing(text) {
  parts.clear();
  byId("detail").replaceChildren(title(open.name), element("p", { class: "nothing" }, text));
}

/** Opens a service, or closes what is open (null). */
export async function openDetail(name) {
  open.name = name;
  open.lookup = "";
  open.piece = PIECE;
  parts.clear();
  drawn.clear();
  byId("detail").hidden = !name;
  byId("detail").replaceChildren();
  document.body.toggleAttribute("data-detail", Boolean(name));
  if (!name) return;
  await refreshDetail().catch(() => {}); // it was said where the service would be
  byId("detail-title")?.focus({ preventScroll: true });
}

export const opened = () => open.name;

/** Lets the durations run. */
export function tick() {
  for (const time of document.querySelectorAll("time[data-since]")) {
    const text = duration(Date.now() - open.skew - Number(time.dataset.since));
    if (time.textContent !== text) time.textContent = text;
  }
}
