/* Light or dark before anything is drawn: the address (?theme=dark), else the viewer's last choice, else
   the system's. A plain script in the head, so that no page flashes in the wrong colours. */
(() => {
  const asked = new URLSearchParams(location.search).get("theme");
  const known = (name) => (name === "light" || name === "dark" ? name : null);
  let kept = null;
  try {
    kept = known(localStorage.getItem("theme"));
  } catch {
    // storage may be forbidden; the system's choice will do
  }
  const chosen = known(asked) ?? kept;
  if (chosen) document.documentElement.dataset.theme = chosen;

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    button?.removeAttribute("hidden");
    button?.addEventListener("click", () => {
      const shown = document.documentElement.dataset.theme;
      const dark = shown ? shown === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      const next = dark ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      try {
        localStorage.setItem("theme", next);
      } catch {
        // it lasts for this page only
      }
      dispatchEvent(new Event("themechange"));
    });
  });
})();
