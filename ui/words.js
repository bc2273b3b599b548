// words.js -- states and times as a person says them.

/** The state of a service from its counts: [class, word]. Those that somebody took out on purpose say nothing of how
 * the service is: the others decide, and without any it is in maintenance itself. */
export function serviceState(line) {
  const others = line.Instances - line.Maintenance;
  if (line.Maintenance > 0 && others === 0) return ["maintenance", "maintenance"];
  if (others > 0 && line.Waiting === others) return ["waiting", "waiting"];
  if (line.Healthy === 0) return ["critical", "down"];
  if (line.Healthy < others) return ["warning", "degraded"];
  if (line.Warning > 0) return ["warning", "warning"];
  return ["passing", "healthy"];
}

/** What somebody has to look at. Maintenance is not: whoever began it knows, and a number that goes up with all
 * planned work is one that nobody heeds. What is forgotten is still seen: the list and its summary say what is out. */
export const hasProblem = (line) => !["passing", "maintenance"].includes(serviceState(line)[0]);

export const inMaintenance = (number) => `${number.toLocaleString()} in maintenance`;

/** The same of a service of which only a part is; else null. */
export const partlyOut = (line) => (line.Maintenance > 0 && line.Maintenance < line.Instances ? inMaintenance(line.Maintenance) : null);

/** The state of an instance or check: [class, word]. What somebody took out on purpose is not called critical. */
export function state(of) {
  const word = of.Maintenance ? "maintenance" : of.Waiting ? "waiting" : of.Status;
  return [word, word];
}

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** "12 s", "5 min 3 s", "2 d 4 h". */
export function duration(ms) {
  let rest = Math.max(0, Math.floor(ms / 1000));
  const parts = [];
  for (const [size, unit] of UNITS) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count > 0 || (unit === "s" && parts.length === 0)) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** The first line of an output, for a sentence. */
export function firstLine(text) {
  const line = text.trim().split("\n")[0];
  return line.length > 160 ? line.slice(0, 160) + "…" : line;
}

/** "14:03:22", with the date in front if it was another day. */
export function clockTime(ms) {
  const then = new Date(ms);
  const time = then.toLocaleTimeString([], { hour12: false });
  return then.toDateString() === new Date().toDateString() ? time : `${then.toLocaleDateString()} ${time}`;
}

export const count = (number, one, many) => `${number.toLocaleString()} ${number === 1 ? one : many}`;
