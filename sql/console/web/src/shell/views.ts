import type { View } from "../state";

export const VIEWS: Record<View, string> = {
  map: "Map", flows: "Flows", health: "Health", costs: "Costs", changes: "Changes", coverage: "Coverage",
};
