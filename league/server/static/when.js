/** Moments in the reader's own time and words, with the distance from now; without scripts they stay in UTC. */

const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]];
const EVERY_MS = 30_000;
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const distance = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

function tell() {
  for (const moment of document.querySelectorAll("time[datetime]")) {
    const at = new Date(moment.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const ms = at - Date.now();
    const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size) ?? UNITS.at(-1);
    const words = `${exact.format(at)} (${distance.format(Math.round(ms / size), unit)})`;
    if (moment.textContent === words) continue;
    moment.title ||= moment.textContent;
    moment.textContent = words;
  }
}

tell();
setInterval(tell, EVERY_MS);
