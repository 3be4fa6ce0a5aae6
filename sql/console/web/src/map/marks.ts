import type { Scene } from "./scene";

/** What stands out. */
export interface Marks {
  selected: string;
  /** Ends that the search finds. */
  found: Set<string>;
  /** Ends and edges that are not dimmed; null: none is. */
  near: Set<string> | null;
}

export function matches(id: string, search: string): boolean {
  return id.toLowerCase().includes(search.trim().toLowerCase());
}

/** Of what is selected its neighbourhood stands out, of what is searched for the ends and their edges. */
export function marked(scene: Scene, selected: string, search: string): Marks {
  const wanted = search.trim() !== "";
  const found = new Set<string>();
  if (wanted) for (const id of scene.ends.keys()) if (matches(id, search)) found.add(id);
  const there = scene.ends.has(selected) || scene.edges.some((edge) => edge.id === selected);
  if (!wanted && !there) return { selected: "", found, near: null };
  const near = new Set(found);
  if (there) near.add(selected);
  for (const { id, from, to } of scene.edges) {
    if (id === selected || from.id === selected || to.id === selected || found.has(from.id) || found.has(to.id)) {
      near.add(id).add(from.id).add(to.id);
    }
  }
  return { selected: there ? selected : "", found, near };
}
