import type { StylesheetJson } from "cytoscape";
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
  const read = (value: string) => {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const found: Colours = {
    ink: read("var(--ink)"),
    paper: read("var(--paper)"),
    line: read("var(--line)"),
    accent: read("var(--accent)"),
    muted: read("var(--muted)"),
    tones: {
      good: read("var(--good)"),
      fair: read("var(--map-fair)"),
      warn: read("var(--warn)"),
      bad: read("var(--bad)"),
      none: read("var(--muted)"),
    },
    figures: {} as Record<Figure, string>,
  };
  for (const [name, look] of Object.entries(LOOKS)) found.figures[name as Figure] = read(`var(${look.colour})`);
  probe.remove();
  return found;
}

export function style(of: Colours, large: boolean): StylesheetJson {
  return [
    {
      selector: "node.end",
      style: {
        width: "data(size)",
        height: "data(size)",
        label: "data(label)",
        "font-size": 12,
        "min-zoomed-font-size": 7,
        color: of.ink,
        "text-valign": "bottom",
        "text-margin-y": 3,
        "text-outline-color": of.paper,
        "text-outline-width": large ? 0 : 2,
        "border-width": 1.5,
        "border-color": of.paper,
        "overlay-opacity": 0,
      },
    },
    ...Object.entries(LOOKS).map(([name, look]) => ({
      selector: `node[figure = "${name}"]`,
      style: {
        shape: look.shape,
        "background-color": of.figures[name as Figure],
        ...(large ? {} : { "background-image": image(look.icon), "background-width": "60%", "background-height": "60%" }),
      },
    })),
    {
      selector: "node.box",
      style: {
        shape: "round-rectangle",
        label: "data(label)",
        "font-size": 14,
        "font-weight": "bold",
        "min-zoomed-font-size": 6,
        color: of.muted,
        "text-valign": "top",
        "text-halign": "center",
        "text-margin-y": -3,
        "background-color": of.muted,
        "background-opacity": 0.07,
        "border-color": of.line,
        "border-width": 1,
        padding: "16px",
        events: "no",
      },
    },
    {
      selector: "edge",
      style: {
        width: "data(width)",
        "curve-style": large ? "haystack" : "bezier",
        ...(large ? { "haystack-radius": 0 } : { "target-arrow-shape": "triangle", "arrow-scale": 0.9, "control-point-step-size": 34 }),
        opacity: large ? 0.55 : 0.85,
        "overlay-opacity": 0,
      },
    },
    { selector: "edge:loop", style: { "curve-style": "bezier", "target-arrow-shape": "triangle", "loop-direction": "-45deg", "loop-sweep": "50deg" } },
    ...Object.entries(of.tones).map(([name, colour]) => ({
      selector: `edge[tone = "${name}"]`,
      style: { "line-color": colour, "target-arrow-color": colour },
    })),
    { selector: 'edge[line = "dashed"]', style: { "line-style": "dashed", "line-dash-pattern": [7, 4] } },
    { selector: "edge[fresh = 1]", style: { "underlay-color": of.accent, "underlay-opacity": 0.3, "underlay-padding": 4 } },
    { selector: ".dim", style: { opacity: 0.12, "text-opacity": 0.2 } },
    { selector: "node.found", style: { "border-color": of.accent, "border-width": 4 } },
    { selector: "node.chosen", style: { "border-color": of.ink, "border-width": 4 } },
    { selector: "edge.chosen", style: { opacity: 1, "underlay-color": of.ink, "underlay-opacity": 0.25, "underlay-padding": 5, "z-index": 9 } },
    { selector: "edge.near", style: { opacity: 1, "z-index": 8 } },
  ] as StylesheetJson;
}

function image(icon: string): string {
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 16 16"><path d="${icon}" fill="none" stroke="#fff" stroke-width="1.3" stroke-linejoin="round" stroke-linecap="round"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}
