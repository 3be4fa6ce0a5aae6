import { MapView } from "../map/view";

export function App() {
  return <main style={{ height: "100vh", padding: "0.5rem", boxSizing: "border-box" }}><MapView /></main>;
}
