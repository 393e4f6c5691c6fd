/** How times and words are shown; pure. */

/** Seconds with three decimals, minutes only where there are any: 8.433, 1:08.433. */
export function time(us) {
  if (us === null || us === undefined || !Number.isFinite(us)) return "–";
  const ms = Math.round(us / 1000);
  const minutes = Math.floor(ms / 60000);
  const rest = ((ms % 60000) / 1000).toFixed(3);
  return minutes ? `${minutes}:${rest.padStart(6, "0")}` : rest;
}

/** The same for seconds, as results give them. */
export function seconds(s) {
  return s === null || s === undefined ? "–" : time(s * 1e6);
}

/** A gap with its sign: +0.812. */
export function gap(us) {
  return us === null || us === undefined || !Number.isFinite(us) ? "–" : `+${time(us)}`;
}

/** A difference with its sign, either way: +0.081, −0.120. */
export function delta(us) {
  if (us === null || us === undefined || !Number.isFinite(us)) return "–";
  return `${us < 0 ? "−" : "+"}${time(Math.abs(us))}`;
}

/** The race clock, tenths only, so that it can be read while it runs: 0:24.1. */
export function clock(us) {
  const tenths = Math.max(0, Math.floor(us / 1e5));
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

/** A heat's id or phase as a title: "qualifying-3" → "Qualifying 3". */
export function title(id) {
  const words = String(id ?? "").replaceAll(/[-_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const STATUS = {
  FIN: "Finished",
  "DNF-crash": "Crashed",
  "DNF-timeout": "Timed out",
  "DNF-disconnect": "Lost contact",
  DNS: "Did not start",
  DSQ: "Disqualified",
  VOID: "Void",
};

/** A status word for people. */
export function status(word) {
  return STATUS[word] ?? word ?? "";
}

/** Whether a status word says that the car is out of the race without having finished. */
export function isOut(word) {
  return /^(DNF|DNS|DSQ|VOID)/.test(word ?? "");
}
