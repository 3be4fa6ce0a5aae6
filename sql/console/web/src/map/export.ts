import type { Core } from "cytoscape";
import type { Shown } from "./drawing";
import { svg } from "./svg";
import { colours } from "./style";

/** Saves the whole map, not only what is in sight. */
export async function savePng(cy: Core, shown: Shown): Promise<void> {
  const { paper } = colours(cy.container()!);
  const picture = await cy.png({ output: "blob-promise", full: true, scale: 2, maxWidth: 8000, maxHeight: 8000, bg: paper });
  save(picture, fileName(shown, "png"));
}

export function saveSvg(cy: Core, shown: Shown): void {
  save(new Blob([svg(cy, colours(cy.container()!))], { type: "image/svg+xml" }), fileName(shown, "svg"));
}

/** flowatlas-map-workloads-health-2026-11-25T0930Z.svg: what is shown, and the end of its time. */
export function fileName({ ends, measure, answer }: Shown, ending: string): string {
  const until = new Date(answer.until * 1000).toISOString().slice(0, 16).replace(":", "");
  return `flowatlas-map-${ends}s-${measure}-${until}Z.${ending}`;
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
