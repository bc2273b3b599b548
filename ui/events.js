// events.js -- what happened, live: the log, and word to whoever shows something that has changed.
import { byId, element, mark } from "./dom.js";
import { clockTime, firstLine } from "./words.js";
import { events } from "./server.js";

const KEPT = 200; // lines of the log
const FIRST = 50; // changes of before that are shown at the start

const stateOf = (word) => (word === "waiting" ? "waiting" : word);

function subject(event) {
  const service = event.Service && element("a", { href: `#/service/${encodeURIComponent(event.Service)}` }, event.Service);
  const instance = event.Instance && event.Instance !== event.Service ? event.Instance : "";
  if (!service) return [element("span", {}, `node ${event.Node}`)];
  return instance ? [service, element("span", { class: "of" }, instance)] : [service];
}

function happening(event) {
  if (event.Change !== "status") {
    const what = event.Kind === "check" ? `check ${event.Change}` : event.Change;
    return [element("span", { class: `change ${event.Change}` }, what)];
  }
  const before = event.OldStatus ? [mark(stateOf(event.OldStatus)), element("span", { class: "arrow", "aria-label": "to" }, "→")] : [];
  return [...before, mark(event.NewStatus)];
}

function draw(event) {
  const time = Date.parse(event.Time);
  return element("li", {},
    element("time", { datetime: event.Time }, clockTime(time)),
    element("div", {},
      element("p", { class: "what" }, element("span", { class: "who" }, ...subject(event)), ...happening(event)),
      event.Reason ? element("p", { class: "reason" }, firstLine(event.Reason)) : null));
}

function add(event) {
  const log = byId("log");
  byId("quiet").hidden = true;
  log.prepend(draw(event));
  while (log.childElementCount > KEPT) log.lastElementChild.remove();
}

function setLive(state, word) {
  byId("live").dataset.state = state;
  byId("live-word").textContent = word;
}

/** Listens. `changed(service, index)` for each change; `reload()` when what was missed is not known. */
export function follow({ changed, reload }) {
  const source = events(FIRST);
  let lost = false;
  source.addEventListener("open", () => {
    setLive("live", "live");
    if (lost) reload();
    lost = false;
  });
  source.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    add(event);
    if (event.Service) changed(event.Service, event.Index);
  });
  source.addEventListener("reset", reload);
  source.addEventListener("error", () => {
    lost = true;
    setLive("lost", "reconnecting");
    if (source.readyState !== EventSource.CLOSED) return;
    setLive("lost", "not live");
    setTimeout(() => follow({ changed, reload }), 5000);
  });
}
