// words.js -- states and times as a person says them.

/** The state of a service from its counts: [class, word]. */
export function serviceState(line) {
  if (line.Instances > 0 && line.Waiting === line.Instances) return ["waiting", "waiting"];
  if (line.Healthy === 0) return ["critical", "down"];
  if (line.Healthy < line.Instances) return ["warning", "degraded"];
  if (line.Warning > 0) return ["warning", "warning"];
  return ["passing", "healthy"];
}

export const hasProblem = (line) => serviceState(line)[0] !== "passing";

/** The state of an instance or check: [class, word]. What somebody took out on purpose is not called critical. */
export function state(of) {
  const drained = of.Type === "maintenance" || of.Checks?.some((check) => check.Type === "maintenance");
  const word = drained ? "maintenance" : of.Waiting ? "waiting" : of.Status;
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
