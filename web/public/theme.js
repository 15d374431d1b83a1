// Runs before the first paint, so that a chosen theme does not flash: a file of
// its own, since the console's policy allows no inline script.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("agata.theme");
  } catch {
    // storage may be forbidden: the system's theme then
  }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-theme", dark ? "dark" : "light");
})();
