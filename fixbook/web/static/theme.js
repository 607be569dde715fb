// Runs before the page is painted, so that a chosen theme never flashes.
(() => {
  "use strict";
  let theme = null;
  try {
    theme = localStorage.getItem("theme");
  } catch {
    // Storage may be switched off: then the system decides.
  }
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
  document.documentElement.classList.add("js");
})();
