// The theme: the system's, or the one that was chosen here. public/theme.js does
// the same before the first paint.
import { useEffect, useState } from "preact/hooks";

export type Theme = "system" | "light" | "dark";

const key = "agata.theme";
const media = () => window.matchMedia("(prefers-color-scheme: dark)");

export function chosenTheme(): Theme {
  try {
    const theme = localStorage.getItem(key);
    return theme === "light" || theme === "dark" ? theme : "system";
  } catch {
    return "system";
  }
}

function apply(theme: Theme) {
  const dark = theme === "dark" || (theme === "system" && media().matches);
  document.documentElement.setAttribute("data-theme", dark ? "dark" : "light");
}

export type ThemeChoice = [Theme, (theme: Theme) => void];

/** The choice, and how to change it. What draws in colours of its own watches data-theme on <html>. */
export function useTheme(): ThemeChoice {
  const [theme, setTheme] = useState<Theme>(chosenTheme);
  useEffect(() => {
    apply(theme);
    const system = media();
    const follow = () => apply(theme);
    system.addEventListener("change", follow);
    return () => system.removeEventListener("change", follow);
  }, [theme]);
  const choose = (next: Theme) => {
    try {
      if (next === "system") localStorage.removeItem(key);
      else localStorage.setItem(key, next);
    } catch {
      // without storage the choice holds until the page is left
    }
    setTheme(next);
  };
  return [theme, choose];
}
