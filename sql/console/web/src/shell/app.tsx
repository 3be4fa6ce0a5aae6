import { state } from "../state";

export function App() {
  return <main>{state.value.view}</main>;
}
