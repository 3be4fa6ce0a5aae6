import { effect, signal } from "@preact/signals";

/** Which colours: as the system has them unless the reader chose. Not in the URL: it is the reader's. */
const KEPT = "flowatlas.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
const chosen = signal(localStorage.getItem(KEPT) ?? "");
export const theme = signal<"light" | "dark">("light");

system.addEventListener("change", (event) => { systemDark.value = event.matches; });
effect(() => {
  theme.value = chosen.value === "dark" || (chosen.value === "" && systemDark.value) ? "dark" : "light";
  document.documentElement.dataset.theme = theme.value;
});

export function turn(): void {
  chosen.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem(KEPT, chosen.value);
}
