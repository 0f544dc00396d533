// The list of conversations: parted by the days of the reader's own time zone, and searched.
const dalilConversations = (() => {
  const MIN_TO_SEARCH = 3, DAY_MS = 86_400_000;

  const dayOf = (at) => {
    const language = `${document.documentElement.lang}-u-nu-latn`, then = new Date(at), start = (date) => new Date(date).setHours(0, 0, 0, 0);
    const ago = Math.round((start(Date.now()) - start(then)) / DAY_MS);
    if (ago >= 0 && ago < 2) return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-ago, "day");
    return new Intl.DateTimeFormat(language, { day: "numeric", month: "long", year: "numeric" }).format(then);
  };

  // One list becomes a list a day, each beneath its name.
  const partByDay = (list) => {
    let day = null, of_day = list;
    for (const row of [...list.children]) {
      const its = row.dataset.at ? dayOf(row.dataset.at) : list.dataset.undated;
      if (its !== day) {
        const heading = Object.assign(document.createElement("h3"), { className: "dalil-day", textContent: its });
        of_day = list.cloneNode(false);
        list.before(heading, of_day);
        day = its;
      }
      of_day.append(row);
    }
    list.remove();
  };

  const connect = (element, watch) => {
    const box = () => document.querySelector(".dalil-conversation-search input");
    const rows = () => [...element.querySelectorAll(".dalil-conversation-list li")];
    const search = () => {
      const wanted = dalilArticle.fold(box().value.trim()).folded, all = rows();
      for (const row of all) {
        row.folded ??= dalilArticle.fold(`${row.innerText} ${row.dataset.words}`).folded;
        row.hidden = !row.folded.includes(wanted);
      }
      for (const heading of element.querySelectorAll(".dalil-day")) heading.hidden = !heading.nextElementSibling.querySelector("li:not([hidden])");
      const status = document.querySelector(".dalil-conversation-search [role=status]");
      status.textContent = wanted && all.every((row) => row.hidden) ? status.dataset.none : "";
    };
    const paint = () => {
      const list = element.querySelector(".dalil-conversation-list");
      if (list && !element.querySelector(".dalil-day")) partByDay(list);
      const tools = document.querySelector(".dalil-conversation-search");
      if (!tools) return;
      tools.hidden = rows().length < MIN_TO_SEARCH;
      if (tools.hidden) box().value = "";
      search();
    };
    document.addEventListener("input", ({ target }) => { if (target === box()) search(); });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.target !== box() || !box().value) return;
      event.stopPropagation();
      box().value = "";
      search();
    }, true);
    watch("value", () => requestAnimationFrame(paint));
    requestAnimationFrame(paint);
  };

  return { connect };
})();
