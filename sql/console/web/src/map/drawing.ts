import cytoscape, { type Core, type ElementDefinition, type EventObject } from "cytoscape";
import type { State } from "../state";
import type { MapAnswer } from "../types";
import { elements, LARGE } from "./graph";
import { complete, keep, places, refine } from "./layout";
import type { Measure } from "./scale";
import { colours, style } from "./style";

export interface Shown {
  answer: MapAnswer;
  ends: State["ends"];
  group: State["group"];
  measure: Measure;
}

/** More edges than this that come at once appear without fading in. */
const FADING = 60;

/** The canvas: cytoscape, kept in step with what is to be shown. */
export class Drawing {
  readonly cy: Core;
  private shown: Shown | null = null;
  private large = false;
  private theme = "";

  constructor(private readonly container: HTMLElement) {
    this.cy = cytoscape({
      container,
      minZoom: 0.05,
      maxZoom: 4,
      wheelSensitivity: 1,
      selectionType: "single",
      boxSelectionEnabled: false,
      autounselectify: true,
      textureOnViewport: true,
      hideEdgesOnViewport: false,
      pixelRatio: 1,
      styleEnabled: true,
    });
    this.restyle();
    this.cy.on("dragfree", "node", () => this.shown && keep(this.cy, this.known()));
  }

  /** Draws what is new, changes what has changed, and takes away what is gone; the rest stays put. */
  show(shown: Shown): void {
    const { answer, group, measure } = shown;
    const wanted = elements(answer, group, measure);
    const regrouped = this.shown !== null && (this.shown.group !== group || this.shown.ends !== shown.ends);
    this.shown = shown;
    const large = answer.edges.length > LARGE;
    if (large !== this.large) {
      this.large = large;
      this.restyle();
    }
    const known = this.known();
    const first = complete(answer, group, known);
    const empty = regrouped || this.cy.elements().empty();
    const added: ElementDefinition[] = [];
    this.cy.startBatch();
    if (regrouped) this.cy.elements().remove();
    this.cy.elements().filter((one) => !wanted.has(one.id())).remove();
    for (const [id, definition] of wanted) {
      const there = this.cy.getElementById(id);
      if (there.empty()) added.push(definition.classes === "end" ? { ...definition, position: { ...known.get(id)! } } : definition);
      else change(there, definition.data as Record<string, unknown>);
    }
    const come = this.cy.add(added);
    this.cy.endBatch();
    if (first) refine(this.cy, known);
    if (empty) this.fit();
    else if (come.edges().length <= FADING) fadeIn(come);
  }

  /** Forgets all places and begins again. */
  arrange(): void {
    if (!this.shown) return;
    const known = this.known();
    known.clear();
    complete(this.shown.answer, this.shown.group, known);
    this.cy.batch(() => this.cy.nodes(".end").forEach((node) => void node.position(known.get(node.id())!)));
    refine(this.cy, known);
    this.fit();
  }

  fit(): void {
    this.cy.resize();
    this.cy.fit(undefined, 28);
    if (this.cy.zoom() > 1.4) {
      this.cy.zoom(1.4);
      this.cy.center();
    }
  }

  zoom(by: number): void {
    this.cy.zoom({ level: this.cy.zoom() * by, renderedPosition: { x: this.cy.width() / 2, y: this.cy.height() / 2 } });
  }

  /** Reads the page's colours again, if they have changed. */
  restyle(): void {
    const read = colours(this.container);
    const theme = JSON.stringify([read, this.large]);
    if (theme === this.theme) return;
    this.theme = theme;
    this.cy.style(style(read, this.large));
  }

  /** Marks what is chosen and found, and dims what is not near either. */
  mark(selected: string, search: string): void {
    const { cy } = this;
    const wanted = search.trim().toLowerCase();
    cy.batch(() => {
      cy.elements(".dim, .found, .chosen, .near").removeClass("dim found chosen near");
      const chosen = selected ? cy.getElementById(selected) : cy.collection();
      const found = wanted ? cy.nodes(".end").filter((node) => node.id().toLowerCase().includes(wanted)) : cy.collection();
      found.addClass("found");
      chosen.addClass("chosen");
      let near = chosen.union(found);
      near = near.union(near.nodes().connectedEdges()).union(near.edges().connectedNodes());
      near = near.union(near.edges().connectedNodes());
      if (wanted || chosen.nonempty()) {
        cy.elements().not(".box").not(near).addClass("dim");
        near.edges().addClass("near");
      }
    });
  }

  onTap(tell: (id: string) => void): void {
    this.cy.on("tap", (event: EventObject) => tell(event.target === this.cy ? "" : (event.target as { id(): string }).id()));
  }

  onDouble(tell: (id: string) => void): void {
    this.cy.on("dbltap", "node.end", (event: EventObject) => tell((event.target as { id(): string }).id()));
  }

  private known() {
    return places(this.shown!.ends, this.shown!.group);
  }
}

function change(one: ReturnType<Core["getElementById"]>, data: Record<string, unknown>): void {
  const before = one.data() as Record<string, unknown>;
  for (const name of ["label", "size", "figure", "width", "tone", "line", "fresh"]) {
    if (name in data && before[name] !== data[name]) one.data(name, data[name]);
  }
  if (one.isNode() && (data.parent ?? null) !== (before.parent ?? null)) one.move({ parent: (data.parent as string | undefined) ?? null });
}

function fadeIn(come: ReturnType<Core["add"]>): void {
  come.not(".box").forEach((one) => {
    one.style("opacity", 0);
    one.animate({ style: { opacity: 0.9 } } as never, { duration: 900, complete: () => void one.removeStyle("opacity") });
  });
}
