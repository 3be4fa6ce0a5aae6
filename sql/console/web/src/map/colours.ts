import { LOOKS, type Figure } from "./kinds";
import type { Tone } from "./scale";

export interface Colours {
  ink: string;
  paper: string;
  line: string;
  accent: string;
  muted: string;
  tones: Record<Tone, string>;
  figures: Record<Figure, string>;
}

/** The page's colours as they are now, light or dark, as a canvas understands them. */
export function colours(within: HTMLElement): Colours {
  const probe = document.createElement("span");
  within.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found: Colours = {
    ink: read("--ink"),
    paper: read("--paper"),
    line: read("--line"),
    accent: read("--accent"),
    muted: read("--muted"),
    tones: { good: read("--good"), fair: read("--map-fair"), warn: read("--map-warn"), bad: read("--bad"), none: read("--muted") },
    figures: {} as Record<Figure, string>,
  };
  for (const [name, look] of Object.entries(LOOKS)) found.figures[name as Figure] = read(look.colour);
  probe.remove();
  return found;
}
