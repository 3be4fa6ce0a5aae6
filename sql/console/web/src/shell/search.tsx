import { useEffect, useRef } from "preact/hooks";
import { go, state } from "../state";

const DEBOUNCE_MS = 250;

export function Search() {
  const box = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  const { search } = state.value;
  const said = useRef(search);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const within = event.target as HTMLElement;
      if (event.key !== "/" || event.ctrlKey || event.metaKey || within.closest("input, textarea, select")) return;
      event.preventDefault();
      box.current?.focus();
      box.current?.select();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  useEffect(() => {
    if (search === said.current) return; // it came from here, and more may have been typed since
    said.current = search;
    box.current!.value = search;
  }, [search]);
  const typed = (text: string) => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      said.current = text.trim();
      go({ search: said.current, page: "" }, true);
    }, DEBOUNCE_MS);
  };
  return (
    <label class="search">
      <span class="hidden">Search ends by name</span>
      <input ref={box} type="search" defaultValue={search} placeholder="Search  ( / )" aria-keyshortcuts="/" onInput={(event) => typed(event.currentTarget.value)} />
    </label>
  );
}
