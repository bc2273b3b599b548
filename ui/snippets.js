// snippets.js -- how a service is found by other programs: lines to copy.
import { element } from "./dom.js";
import { copyButton } from "./clipboard.js";
import { hasToken } from "./server.js";

/** A word for the shell, quoted if it has to be. */
function shell(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const unbracketed = (host) => host.replace(/^\[|\]$/g, "");

/** The address that the page was had from, if others than the server's own machine reach it there; "" if not. */
function seenAt(origin) {
  const host = unbracketed(new URL(origin).hostname);
  const address = host.includes(":") || /^[\d.]+$/.test(host);
  return address && host !== "::1" && !host.startsWith("127.") ? host : "";
}

/** Where DNS answers, of "127.0.0.1:8600" or "[::1]:8600": [address, port]. One that means all addresses is asked where
 * the page was had from, as the command-line client does; by a name, which not all of these programs take, on loopback. */
function dnsAt(listen, origin) {
  const at = listen.lastIndexOf(":");
  const host = unbracketed(listen.slice(0, at));
  const any = /^[0.:]+$/.test(host);
  const loopback = host.includes(":") ? "::1" : "127.0.0.1";
  return [any ? seenAt(origin) || loopback : host, listen.slice(at + 1)];
}

/** The SRV name by RFC 2782: "_web._tcp.service.local"; of "user.rpc" the first label has the "_". */
export function srvName(name, zone) {
  const [first, ...rest] = name.split(".");
  return [`_${first}`, ...rest, "_tcp", zone].join(".");
}

/** A name for HAProxy's and nginx's sections. */
const plain = (name) => name.replace(/[^A-Za-z0-9_.-]/g, "_");

/** Where DNS answers, as HAProxy and nginx write it. */
const nameserver = ([host, port]) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

const dig = (fqdn, [host, port]) => `dig @${host} -p ${port} ${shell(fqdn)} SRV`;

/** How many instances HAProxy gets into one UDP answer; it does not ask by TCP of its own accord. */
const BY_UDP = 20;

/** As doc/examples/haproxy.cfg has it, and says why; with room for twice as many instances. */
const haproxy = (service, zone, dns) => [
  "resolvers svcdns",
  `    nameserver svcdns ${service.Instances > BY_UDP ? "tcp@" : ""}${nameserver(dns)}`,
  `    accepted_payload_size ${service.Instances > BY_UDP ? 65535 : 1232}`,
  "    timeout resolve 1s",
  "    timeout retry 1s",
  "    hold nx 1s",
  "    hold other 5s",
  "    hold timeout 1h",
  "    hold refused 1h",
  "",
  `backend ${plain(service.Name)}`,
  `    server-template ${plain(service.Name)} ${Math.max(10, 2 * service.Instances)} ${srvName(service.Name, zone)} resolvers svcdns init-addr none resolve-prefer ipv4`,
];

/** For a server block; the free nginx knows no SRV before 1.27.3. */
const nginx = (service, zone, dns, ports) => [
  `resolver ${nameserver(dns)} valid=1s;`,
  "",
  "location / {",
  ...(ports.length > 1 ? [`    # The instances have the ports ${ports.join(", ")}, and nginx asks for addresses only.`] : []),
  `    set $backend ${service.Name}.${zone};`,
  `    proxy_pass http://$backend:${ports[0] || 80};`,
  "}",
];

const prometheus = (service, origin) => [
  "scrape_configs:",
  `  - job_name: ${JSON.stringify(service.Name)}`,
  "    http_sd_configs:",
  `      - url: ${JSON.stringify(`${origin}/v1/sd/prometheus?service=${encodeURIComponent(service.Name)}`)}`,
  "        refresh_interval: 15s",
  ...(hasToken() ? ["        authorization:", "          credentials_file: /etc/prometheus/svcdns.token"] : []),
];

const request = (more) => `curl ${hasToken() ? '-H "X-Consul-Token: $SVCDNS_HTTP_TOKEN" ' : ""}${more}`;

/** [title, text] for each program. `frame` is what the server says of itself. */
export function snippets(service, frame, origin) {
  const ports = service.Ports.filter(Boolean);
  const dns = dnsAt(frame.Dns, origin);
  return [
    ["dig", dig(`${service.Name}.${frame.Zone}`, dns)],
    ["curl", request(shell(`${origin}/v1/health/service/${encodeURIComponent(service.Name)}?passing`))],
    ["HAProxy", haproxy(service, frame.Zone, dns).join("\n")],
    ["nginx", nginx(service, frame.Zone, dns, ports).join("\n")],
    ["Prometheus", prometheus(service, origin).join("\n")],
  ];
}

function snippet(what, text) {
  return element("div", { class: "snippet" }, element("pre", { tabindex: "0" }, element("code", {}, text)), copyButton(what, () => text));
}

/** What somebody does who has no service yet. */
export function firstSteps(frame, origin) {
  const where = origin === "http://127.0.0.1:8500" ? "" : ` --http=${origin.replace("http://", "")}`;
  return [
    snippet("the registration", request(`-X PUT ${origin}/v1/agent/service/register -d '{"Name": "web", "Port": 8080}'`)),
    snippet("the command", `svcdns register web --port=8080${where}`),
    element("p", {}, "Then ask for it:"),
    snippet("the question", dig(`web.${frame.Zone}`, dnsAt(frame.Dns, origin))),
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
