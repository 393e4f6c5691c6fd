/** Moments in the reader's own time and words, with the distance from now; without scripts they stay in UTC. */

const [SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS] = [1000, 60_000, 3_600_000, 86_400_000];
const EVERY_MS = 15_000;
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const distance = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
let next = 0;

/** How far a moment is from now, in words; "yesterday" goes by the calendar, and no unit is rounded up. */
function away(at, now) {
  const ms = at - now;
  const far_ms = Math.abs(ms);
  if (far_ms < MINUTE_MS) return distance.format(Math.trunc(ms / SECOND_MS), "second");
  if (far_ms < HOUR_MS) return distance.format(Math.trunc(ms / MINUTE_MS), "minute");
  if (far_ms < DAY_MS) return distance.format(Math.trunc(ms / HOUR_MS), "hour");
  const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  return distance.format(Math.round((midnight(at) - midnight(now)) / DAY_MS), "day");
}

function tell() {
  const now = Date.now();
  let soon = false;
  for (const moment of document.querySelectorAll("time[datetime]")) {
    const at = new Date(moment.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    soon ||= Math.abs(at - now) < MINUTE_MS + EVERY_MS;
    const words = `${exact.format(at)} (${away(at, now)})`;
    if (moment.textContent === words) continue;
    moment.title ||= moment.textContent;
    moment.textContent = words;
  }
  clearTimeout(next);
  next = setTimeout(tell, soon ? SECOND_MS : EVERY_MS);
}

tell();
addEventListener("refreshed", tell); // new content has its moments in UTC
