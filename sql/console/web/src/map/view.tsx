import "uplot/dist/uPlot.min.css";
import "./map.css";
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

const screen = signal<ComponentType | null>(null);
const failed = signal("");

/** The service map. What draws it is fetched when it is first shown, so that tables open fast. */
export function MapView() {
  useEffect(() => {
    import("./screen").then(
      (loaded) => { screen.value = loaded.Screen; },
      () => { failed.value = "The map's code could not be fetched: reload the page."; },
    );
  }, []);
  const Screen = screen.value;
  if (Screen) return <Screen />;
  return <p class="map-message" role="status">{failed.value || "Drawing the map …"}</p>;
}
