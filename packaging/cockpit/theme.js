// Light or dark, as the person has chosen in Cockpit: it tells its pages by local storage and by an event of the window.

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function apply(style) {
  const chosen = style || localStorage.getItem("shell:style") || "auto";
  const is_dark = chosen === "dark" || (chosen === "auto" && dark.matches);
  // The names of Cockpit's own pages, in the versions of Debian 12 and 13.
  for (const name of ["pf-theme-dark", "pf-v5-theme-dark", "pf-v6-theme-dark"])
    document.documentElement.classList.toggle(name, is_dark);
}

export function follow_theme() {
  window.addEventListener("storage", (event) => event.key === "shell:style" && apply());
  window.addEventListener("cockpit-style", (event) => apply(event.detail.style));
  dark.addEventListener("change", () => apply());
  apply();
}
