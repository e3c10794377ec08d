/** Dark or light: as the system has it, or as it was chosen. */
import { useEffect } from "preact/hooks";
import { useStored } from "../hooks.js";

export const THEMES = [
  ["auto", "Auto", "half"],
  ["light", "Light", "sun"],
  ["dark", "Dark", "moon"],
];

export function useTheme() {
  const [theme, setTheme] = useStored("theme", "auto");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    // What draws on a canvas asks for its colours anew.
    dispatchEvent(new Event("opslog-theme"));
  }, [theme]);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => dispatchEvent(new Event("opslog-theme"));
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, []);
  return [theme, setTheme];
}
