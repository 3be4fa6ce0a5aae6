import type { ComponentChildren } from "preact";
import { go, state, written, type State } from "../state";

interface Given {
  to: Partial<State>;
  children: ComponentChildren;
  class?: string;
  title?: string;
  current?: boolean;
}

/** A link to another state of the page: it can be opened in a tab of its own, or copied. */
export function Link({ to, children, current, ...rest }: Given) {
  const href = `${location.pathname}${written({ ...state.value, ...to })}`;
  const followed = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    go(to);
  };
  return <a {...rest} href={href} onClick={followed} aria-current={current ? "page" : undefined}>{children}</a>;
}
