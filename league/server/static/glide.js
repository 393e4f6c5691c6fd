/** Rows of a table put into a new order; those on the screen that change place glide there. */

const MOVE_MS = 450;

/** @param {HTMLTableSectionElement} body @param {HTMLTableRowElement[]} rows all that are to stand in it @param {boolean} calm */
export function glide(body, rows, calm) {
  const before = [...body.rows];
  if (rows.length === before.length && rows.every((row, i) => before[i] === row)) return;
  const tops = calm ? null : topsOnScreen(body);
  const focused = document.activeElement;
  reorder(body, before, rows);
  if (focused && focused !== document.activeElement && body.contains(focused)) focused.focus({ preventScroll: true });
  if (calm) return;
  const places = new Map(before.map((row, i) => [row, i]));
  const now = topsOnScreen(body);
  for (const [row, top] of now) {
    if (!places.has(row)) continue;
    const moved = tops.has(row) ? tops.get(row) - top : fromOutside(row, places.get(row));
    if (!moved) continue;
    row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], {
      duration: MOVE_MS,
      easing: "cubic-bezier(.2,.8,.2,1)",
    });
  }
}

/** Whether the viewer asked for a page that keeps still. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Rows that can be seen, with where they are from the table's top; looks at few others, however long it is. */
export function topsOnScreen(body) {
  const rows = body.rows;
  const tops = new Map();
  for (let i = firstOnScreen(rows); i < rows.length; i++) {
    if (rows[i].getBoundingClientRect().top > innerHeight) break;
    tops.set(rows[i], rows[i].offsetTop);
  }
  return tops;
}

function firstOnScreen(rows) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].getBoundingClientRect().bottom < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How far a row that could not be seen comes; no further than from beside the screen. */
function fromOutside(row, place) {
  const far = (place - row.sectionRowIndex) * row.offsetHeight;
  return Math.max(-innerHeight, Math.min(innerHeight, far));
}

/** Put rows into an order, and touch only those that are not where they belong among the others. */
function reorder(body, before, rows) {
  const wanted = new Set(rows);
  for (const row of before) if (!wanted.has(row)) row.remove();
  const places = new Map(before.map((row, i) => [row, i]));
  const staying = longestRising(rows.filter((row) => places.has(row)), places);
  let next = null;
  for (const row of [...rows].reverse()) {
    if (!staying.has(row)) body.insertBefore(row, next);
    next = row;
  }
}

/** The most rows whose places rise from each to the next: they can stay while the others move around them. */
function longestRising(rows, places) {
  const ends = []; // by length: the row with the least place that ends a rising run so long
  const previous = new Map();
  for (const row of rows) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places.get(ends[middle]) < places.get(row)) low = middle + 1;
      else high = middle;
    }
    previous.set(row, ends[low - 1]);
    ends[low] = row;
  }
  const staying = new Set();
  for (let row = ends.at(-1); row; row = previous.get(row)) staying.add(row);
  return staying;
}
