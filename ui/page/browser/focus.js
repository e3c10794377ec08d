/** Whatever gets the focus by keyboard is scrolled into sight as a whole: browsers are content with a part of it. */
export function keepFocusInSight() {
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches(":focus-visible")) target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}
