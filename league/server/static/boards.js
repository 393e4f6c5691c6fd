/** A board that is fetched again now and then: its rows glide to where they belong, whatever page it is. */

import { calm, glide } from "./glide.js";

const EVERY_MS = 10_000;

/** Fetch the page's board again and put its rows in place. */
export async function renew() {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const body = document.getElementById("standings");
  const fresh = page.getElementById("standings");
  if (!body || !fresh) return;
  const kept = new Map([...body.rows].map((row) => [row.dataset.entry, row]));
  const rows = [...fresh.rows].map((row) => {
    const old = kept.get(row.dataset.entry);
    if (!old) return document.adoptNode(row);
    if (old.innerHTML !== row.innerHTML) old.replaceChildren(...[...row.cells].map((cell) => marked(cell, old)));
    old.className = row.className;
    return old;
  });
  glide(body, rows, calm());
  const [told, news] = [document, page].map((one) => one.getElementById("rulings"));
  if (told && news && !told.contains(document.activeElement)) told.replaceWith(news);
  const [leaves, fresher] = [document, page].map((one) => one.querySelector(".pager"));
  if (leaves && fresher && !leaves.contains(document.activeElement)) leaves.replaceWith(fresher);
}

/** A fresh cell, lit up where it says something else than before. */
function marked(cell, old) {
  const before = old.cells[cell.cellIndex];
  const fresh = document.adoptNode(cell);
  if (before && before.textContent !== fresh.textContent) fresh.classList.add("changed");
  return fresh;
}

setInterval(() => document.body.dataset.refresh === "yes" && renew(), EVERY_MS);
