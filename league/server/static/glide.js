/** Rows of a table put into a new order; those that change place glide there. */

const MOVE_MS = 450;

/** @param {HTMLTableSectionElement} body @param {HTMLTableRowElement[]} rows all that are to stand in it @param {boolean} calm */
export function glide(body, rows, calm) {
  if (rows.length === body.rows.length && rows.every((row, i) => body.rows[i] === row)) return;
  const before = calm ? new Map() : new Map([...body.rows].map((row) => [row, row.offsetTop]));
  const focused = document.activeElement;
  body.replaceChildren(...rows);
  if (focused && focused !== document.activeElement && body.contains(focused)) focused.focus({ preventScroll: true });
  const moves = rows.map((row) => [row, (before.get(row) ?? row.offsetTop) - row.offsetTop]);
  for (const [row, moved] of moves) {
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
