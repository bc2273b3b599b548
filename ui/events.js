// events.js -- what happened, live: the log, and word to whoever shows something that has changed.
import { byId, element, mark } from "./dom.js";
import { clockTime, firstLine } from "./words.js";
import { events } from "./server.js";

const KEPT = 200; // lines of the log
const FIRST = 50; // changes of before that are shown at the start
const REFUSED = 3000; // ms until it asks again

const stateOf = (word) => (word === "waiting" ? "waiting" : word);

function subject(event) {
  const service = event.Service && element("a", { href: `#/service/${encodeURIComponent(event.Service)}` }, event.Service);
  const instance = event.Instance && event.Instance !== event.Service ? event.Instance : "";
  if (!service) return [element("span", {}, `node ${event.Node}`)];
  return instance ? [service, element("span", { class: "of" }, instance)] : [service];
}

function happening(event) {
  if (event.Change !== "status") {
    const drain = event.Kind === "check" && /^_(service|node)_maintenance/.test(event.Check);
    const what = drain ? `maintenance ${event.Change === "removed" ? "ended" : "begun"}` : event.Kind === "check" ? `check ${event.Change}` : event.Change;
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

/** Listens while somebody looks: a browser opens six connections to a server for all its tabs, and a stream keeps one.
 * A page that is not seen gives its own back, and goes on where it was. `changed(service, index)` for each change;
 * `reload()` when it listens again: what was missed may be told no more, or be of another registry. */
export function follow({ changed, reload }) {
  const stream = { source: null, last: "", lost: false, timer: 0 }; // last: the id of what was heard

  function hear(message) {
    const event = JSON.parse(message.data);
    stream.last = message.lastEventId;
    if (message.type === "reset") return reload();
    add(event);
    if (event.Service) changed(event.Service, event.Index);
  }

  function listen() {
    const source = events(stream.last ? `index=${stream.last}` : `last=${FIRST}`);
    stream.source = source;
    source.addEventListener("open", () => {
      setLive("live", "live");
      if (stream.lost) reload();
      stream.lost = false;
    });
    source.addEventListener("message", hear);
    source.addEventListener("reset", hear);
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return leave("lost", "reconnecting");
      leave("lost", "not live"); // it was refused, and the browser does not ask again
      stream.timer = setTimeout(listen, REFUSED);
    });
  }

  function leave(state, word) {
    stream.lost = true;
    setLive(state, word);
  }

  function look() {
    clearTimeout(stream.timer);
    stream.source?.close();
    if (document.hidden) leave("paused", "paused");
    else listen();
  }

  document.addEventListener("visibilitychange", look);
  look();
}
