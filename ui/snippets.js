// snippets.js -- how a service is found by other programs: lines to copy.
import { element } from "./dom.js";
import { copyButton } from "./clipboard.js";

/** A word for the shell, quoted if it has to be. */
function shell(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** "127.0.0.1:8600" or "[::1]:8600": [address, port]; an address that means all of them is asked on loopback. */
function split(address) {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[|\]$/g, "");
  return [host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host, address.slice(at + 1)];
}

/** The SRV name by RFC 2782: "_web._tcp.service.local"; of "user.rpc" the first label has the "_". */
export function srvName(name, zone) {
  const [first, ...rest] = name.split(".");
  return [`_${first}`, ...rest, "_tcp", zone].join(".");
}

/** A name for HAProxy's and nginx's sections. */
const plain = (name) => name.replace(/[^A-Za-z0-9_.-]/g, "_");

/** [title, text] for each program. `frame` is what the server says of itself. */
export function snippets(name, port, frame, origin) {
  const [host, dnsPort] = split(frame.Dns);
  const fqdn = `${name}.${frame.Zone}`;
  const nameserver = host.includes(":") ? `[${host}]:${dnsPort}` : `${host}:${dnsPort}`;
  return [
    ["dig", `dig @${host} -p ${dnsPort} ${shell(fqdn)} SRV`],
    ["curl", `curl ${shell(`${origin}/v1/health/service/${encodeURIComponent(name)}?passing`)}`],
    ["HAProxy", [
      "resolvers svcdns",
      `    nameserver dns ${nameserver}`,
      "    accepted_payload_size 8192",
      "    hold obsolete 30s",
      "",
      `backend ${plain(name)}`,
      `    server-template ${plain(name)} 10 ${srvName(name, frame.Zone)} resolvers svcdns init-addr none check`,
    ].join("\n")],
    ["nginx", [
      `resolver ${nameserver} valid=5s;`,
      "",
      "location / {",
      `    set $backend ${fqdn};`,
      `    proxy_pass http://$backend:${port || 80};`,
      "}",
    ].join("\n")],
    ["Prometheus", [
      "scrape_configs:",
      `  - job_name: ${JSON.stringify(name)}`,
      "    dns_sd_configs:",
      `      - names: [${JSON.stringify(`${fqdn}.`)}]`,
      "        type: SRV",
      "        refresh_interval: 15s",
    ].join("\n")],
  ];
}

/** Tabs with a snippet each; which one is open is kept in `chosen`. */
const chosen = { title: "dig" };

export function snippetTabs(list) {
  const tabs = element("div", { class: "tabs", role: "tablist", "aria-label": "Snippets" });
  const code = element("code", {});
  const panel = element("div", { class: "snippet", role: "tabpanel", id: "snippet", "aria-live": "polite" },
    element("pre", { tabindex: "0" }, code), copyButton("the snippet", () => code.textContent));
  const buttons = list.map(([title, text]) => element("button", {
    type: "button", role: "tab", id: `tab-${title}`, "aria-controls": "snippet", onclick: () => choose(title, text),
  }, title));

  function choose(title, text) {
    chosen.title = title;
    code.textContent = text;
    panel.setAttribute("aria-labelledby", `tab-${title}`);
    for (const button of buttons) {
      const on = button.id === `tab-${title}`;
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on ? 0 : -1;
    }
  }

  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[at].focus();
    buttons[at].click();
    event.preventDefault();
  });
  tabs.append(...buttons);
  const [title, text] = list.find(([each]) => each === chosen.title) || list[0];
  choose(title, text);
  return element("div", {}, tabs, panel);
}
