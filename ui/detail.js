// detail.js -- one service: its instances with their checks, what DNS answers, and how others find it.
import { byId, element, mark, place } from "./dom.js";
import { copyButton } from "./clipboard.js";
import { clockTime, count, duration, firstLine, serviceState, state } from "./words.js";
import * as server from "./server.js";
import { snippets, snippetTabs, srvName } from "./snippets.js";

const TYPES = ["SRV", "A", "AAAA"];

const open = { name: null, turn: 0, skew: 0, lookup: "" };

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
      element("code", {}, address), copyButton(`the address of ${instance.Id}`, () => address)),
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

function drawRecords(list) {
  return element("table", { class: "records" },
    element("thead", { class: "hidden" }, element("tr", {}, ...["Name", "TTL", "Type", "Data"].map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, ...list.map((record) => element("tr", {},
      element("td", { class: "owner" }, record.Name), element("td", { class: "ttl" }, String(record.TTL)),
      element("td", { class: "type" }, record.Type), element("td", { class: "data" }, record.Data)))));
}

function drawAnswer(type, answer) {
  const order = [...answer.Answer].sort((a, b) => a.Data.localeCompare(b.Data, undefined, { numeric: true }));
  const why = answer.Why.length ? element("p", { class: "why" }, answer.Why.join("; ")) : null;
  const size = answer.Size > 1232 ? ", too large for UDP: clients ask again by TCP" : "";
  const text = order.length ? `${count(order.length, "record", "records")}, ${answer.Size.toLocaleString()} bytes${size}` : `${answer.Status}, no records`;
  return element("div", { class: "answer", "data-type": type },
    element("h4", {}, type, element("span", {}, text)), why, order.length ? drawRecords(order) : null);
}

async function ask(name, type) {
  try {
    return drawAnswer(type, await server.records(name, type));
  } catch (error) {
    return element("div", { class: "answer" }, element("h4", {}, type, element("span", {}, error.message)));
  }
}

async function showRecords(turn) {
  const name = open.lookup;
  const types = name.startsWith("_") ? ["SRV"] : TYPES;
  const answers = await Promise.all(types.map((type) => ask(name, type)));
  if (turn === open.turn && name === open.lookup) place(byId("answers"), answers);
}

function drawLookup(answer) {
  const names = namesOf(answer);
  if (!names.includes(open.lookup)) open.lookup = names[0];
  const choice = element("select", { id: "lookup", "aria-label": "Name" }, ...names.map((name) => element("option", { selected: name === open.lookup }, name)));
  choice.addEventListener("change", () => {
    open.lookup = choice.value;
    showRecords(open.turn);
  });
  return element("div", { class: "lookup" }, choice, copyButton("the name", () => choice.value));
}

/* --- The whole --- */

function frame(answer) {
  const [kind, word] = serviceState(answer.Service);
  return [
    element("header", {},
      element("h2", { id: "detail-title", tabindex: "-1" }, answer.Service.Name),
      element("a", { class: "close", href: "#/", "aria-label": "Close" }, "×")),
    element("p", { class: "overall" }, mark(kind, word),
      `${answer.Service.Healthy} of ${count(answer.Service.Instances, "instance", "instances")} healthy`),
    element("h3", {}, "Instances"), element("ul", { id: "instances", class: "instances" }),
    element("p", { id: "unshown", class: "about", hidden: true }),
    element("h3", {}, "What DNS answers now"), drawLookup(answer), element("div", { id: "answers", class: "answers", "aria-live": "polite" }),
    element("h3", {}, "Find it from"), snippetTabs(snippets(answer.Service.Name, answer.Service.Ports[0], answer, location.origin)),
  ];
}

/** What of the frame is drawn anew when it changes. */
let framed = "";

function show(answer) {
  const key = JSON.stringify([answer.Service, answer.Zone, answer.Dns]);
  open.skew = Date.now() - answer.Now;
  if (key !== framed) {
    const focus = document.activeElement?.id;
    byId("detail").replaceChildren(...frame(answer));
    if (focus && focus !== "detail-title") byId(focus)?.focus();
    framed = key;
  }
  place(byId("instances"), answer.Details.map(instanceElement));
  const unshown = answer.Service.Instances - answer.Details.length;
  byId("unshown").hidden = unshown === 0;
  byId("unshown").textContent = `${count(unshown, "more instance is", "more instances are")} not shown; those with problems come first.`;
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
  framed = "";
  byId("detail").replaceChildren(
    element("header", {}, element("h2", { id: "detail-title", tabindex: "-1" }, open.name), element("a", { class: "close", href: "#/", "aria-label": "Close" }, "×")),
    element("p", { class: "nothing" }, text));
}

/** Opens a service, or closes what is open (null). */
export async function openDetail(name) {
  open.name = name;
  open.lookup = "";
  framed = "";
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
