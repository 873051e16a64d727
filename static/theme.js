// Sets the colours before the first paint, and says that scripts run.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => {
    try { return localStorage.getItem("theme") || "system"; } catch { return "system"; }
  };
  const paint = () => {
    const choice = kept();
    root.dataset.theme = choice;
    root.dataset.bsTheme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    root.dispatchEvent(new CustomEvent("theme"));
  };
  root.classList.add("js");
  paint();
  dark.addEventListener("change", paint);
  addEventListener("storage", (event) => event.key === "theme" && paint());
  globalThis.chooseTheme = (choice) => {
    try { localStorage.setItem("theme", choice); } catch { return; }
    paint();
  };
})();
