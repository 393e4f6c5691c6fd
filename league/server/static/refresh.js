/** Pages without a socket of their own look for news now and then, while somebody looks at them. */

const EVERY_MS = 10_000;

async function refresh() {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main");
  const main = document.querySelector("main");
  if (fresh && fresh.innerHTML !== main.innerHTML && !main.contains(document.activeElement)) {
    main.replaceChildren(...fresh.childNodes);
  }
}

if (document.body.dataset.refresh === "yes") setInterval(refresh, EVERY_MS);
