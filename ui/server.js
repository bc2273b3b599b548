// server.js -- what is asked of the server, and the token, if it wants one.
import { byId } from "./dom.js";

const TOKEN = "svcdns-token";

const token = () => sessionStorage.getItem(TOKEN);

/** True if the server wants a token, and the person gave one. */
export const hasToken = () => Boolean(token());

/** What the server refused: `status` says how. */
export class Refused extends Error {
  constructor(status, text) {
    super(text || `the server answered ${status}`);
    this.status = status;
  }
}

let asking = null;

/** Asks the person for the token, once however many requests want it. */
function askForToken() {
  if (!asking) {
    const dialog = byId("ask-token");
    asking = new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        sessionStorage.setItem(TOKEN, byId("token").value);
        byId("token").value = "";
        asking = null;
        resolve();
      }, { once: true });
      dialog.showModal();
    });
  }
  return asking;
}

/** GET, decoded; throws Refused. */
export async function get(path) {
  for (;;) {
    const headers = token() ? { "X-Consul-Token": token() } : {};
    const reply = await fetch(path, { headers, cache: "no-store" });
    if (reply.ok) return reply.json();
    const text = await reply.text();
    if (reply.status !== 403 || text !== "Permission denied") throw new Refused(reply.status, text);
    await askForToken();
  }
}

const encode = encodeURIComponent;

export const services = () => get("/ui/data/services");
export const service = (name) => get(`/ui/data/service/${encode(name)}`);
export const records = (name, type) => get(`/v1/agent/dns?name=${encode(name)}&type=${encode(type)}`);

/** The event stream from `start` on; an EventSource can send no header, so the token goes into its address. */
export function events(start) {
  const more = token() ? `&token=${encode(token())}` : "";
  return new EventSource(`/v1/events?${start}${more}`);
}
