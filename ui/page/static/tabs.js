// Tabs by keyboard, which Gradio leaves out: arrows, Home and End move between them, and only the open one is focusable.
const dalilTabs = (() => {
  // Each tab is at the place where it was left, since all of them scroll one page.
  const keepPlaces = (list) => {
    const places = new Map();
    list.addEventListener("click", (event) => {
      const opened = event.target.closest("[role=tab]"), left = list.querySelector("[aria-selected=true]");
      if (!opened || opened === left) return;
      places.set(left?.id, scrollY);
      requestAnimationFrame(() => requestAnimationFrame(() => scrollTo({ top: places.get(opened.id) ?? 0, behavior: "instant" })));
    }, true);
  };

  // Whoever chooses another collection above its articles sees those of that one.
  const NEXT = "dalil.next_tab";
  document.addEventListener("click", ({ target }) => {
    if (target.closest("#dalil-articles-of a")) sessionStorage.setItem(NEXT, "dalil-library-button");
  }, true);

  const openNext = () => {
    document.getElementById(sessionStorage.getItem(NEXT))?.click();
    sessionStorage.removeItem(NEXT);
  };

  const connect = (list) => {
    const all = () => [...list.querySelectorAll("[role=tab]")];
    const stops = () => all().forEach((tab) => { tab.tabIndex = tab.getAttribute("aria-selected") === "true" ? 0 : -1; });
    new MutationObserver(stops).observe(list, { attributeFilter: ["aria-selected"], childList: true, subtree: true });
    stops();
    keepPlaces(list);
    openNext();
    list.addEventListener("keydown", (event) => {
      const forth = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
      const ways = { ArrowLeft: -1, ArrowRight: -1, [forth]: 1, Home: -Infinity, End: Infinity };
      if (!(event.key in ways)) return;
      event.preventDefault();
      const list = all(), at = list.indexOf(event.target) + ways[event.key], last = list.length - 1;
      const next = list[Number.isFinite(at) ? (at + list.length) % list.length : at < 0 ? 0 : last];
      next.focus();
      next.click();
    });
  };

  return { connect };
})();
