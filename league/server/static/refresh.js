/** Fetches the page again and puts its new content in place; by itself where the page asks for it. */

const EVERY_MS = 10_000;
let last = null; // the content as it came, before scripts changed it

/** Put the page's present content in place, unless somebody is using it. */
export async function refresh() {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main");
  const main = document.querySelector("main");
  document.body.dataset.refresh = page.body.dataset.refresh ?? "no";
  if (!fresh || main.contains(document.activeElement)) return;
  const content = fresh.innerHTML;
  if (content === (last ?? main.innerHTML)) return;
  last = content;
  main.replaceChildren(...fresh.childNodes);
  dispatchEvent(new Event("refreshed"));
}

setInterval(() => document.body.dataset.refresh === "yes" && refresh(), EVERY_MS);
