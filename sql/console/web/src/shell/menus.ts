/** Menus close when something else is pressed, and by Esc, which gives the focus back. */
function open(): HTMLDetailsElement[] {
  return [...document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")];
}

addEventListener("pointerdown", (event) => {
  for (const menu of open()) if (!menu.contains(event.target as Node)) menu.open = false;
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector("summary")!.focus();
    event.stopImmediatePropagation();
  }
});
