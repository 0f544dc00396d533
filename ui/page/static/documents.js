// The list of articles: which are selected, and what is done with all of them at once.
const dalilDocuments = (() => {
  const connect = (element, watch, trigger) => {
    let last = null;
    const boxes = () => [...element.querySelectorAll("tbody input[type=checkbox]")];
    const show = () => {
      const all = boxes(), chosen = all.filter((box) => box.checked), tools = element.querySelector(".dalil-selected");
      const head = element.querySelector("thead input");
      if (head) Object.assign(head, { checked: chosen.length > 0 && chosen.length === all.length, indeterminate: chosen.length > 0 && chosen.length < all.length });
      tools.hidden = !chosen.length;
      const status = tools.querySelector("[role=status]");
      status.textContent = chosen.length ? status.dataset.told.replace("{count}", chosen.length) : "";
      const articles = JSON.stringify(chosen.map(({ dataset }) => [dataset.article, dataset.title]));
      tools.querySelectorAll("button").forEach((button) => { button.dataset.articles = articles; });
    };
    element.addEventListener("click", (event) => {
      const box = event.target.closest("tbody input[type=checkbox]");
      if (!box) return;
      const all = boxes(), at = all.indexOf(box);
      // With Shift, all between the last one and this.
      if (event.shiftKey && last !== null) all.slice(Math.min(at, last), Math.max(at, last) + 1).forEach((one) => { one.checked = box.checked; });
      last = at;
    });
    element.addEventListener("change", ({ target }) => {
      if (target.matches("select")) return trigger("sort", { column: target.value });
      if (target.closest("thead")) boxes().forEach((box) => { box.checked = target.checked; });
      show();
    });
    let chosen = [];
    element.addEventListener("click", () => { chosen = boxes().filter((box) => box.checked).map((box) => box.dataset.article); }, true);
    const restore = () => {
      last = null;
      boxes().forEach((box) => { box.checked = chosen.includes(box.dataset.article); });
      localize(element);
      show();
    };
    watch("value", () => requestAnimationFrame(() => { if (element.querySelector(".dalil-selected")) restore(); }));
    if (element.querySelector(".dalil-selected")) restore();
  };

  // What was dropped: files, and those of folders at any depth, but what systems hide in them.
  const filesOf = async (transfer) => {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
    if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
    return (await Promise.all(entries.filter(Boolean).map(filesBeneath))).flat();
  };

  const PLACE = Symbol("its path within what was dropped");

  // With its folders: two of them may hold files of one name.
  const nameOf = (file) => file[PLACE] || file.webkitRelativePath || file.name;

  const filesBeneath = async (entry) => {
    if (entry.isFile) return [Object.assign(await new Promise((give, fail) => entry.file(give, fail)), { [PLACE]: entry.fullPath.slice(1) })];
    const reader = entry.createReader(), all = [];
    for (;;) {  // a browser gives some hundred at a time
      const some = await new Promise((give, fail) => reader.readEntries(give, fail));
      if (!some.length) break;
      all.push(...some);
    }
    return (await Promise.all(all.filter(({ name }) => !isHidden(name)).map(filesBeneath))).flat();
  };

  const isHidden = (name) => name.startsWith(".") || name === "Thumbs.db" || name === "desktop.ini";

  const withoutHidden = (files) => files.filter(({ webkitRelativePath }) => !webkitRelativePath.split("/").some(isHidden));

  // The day of the reader's own time zone.
  const localize = (element) => element.querySelectorAll("time[datetime]").forEach((time) => {
    const at = new Date(time.dateTime), two = (number) => String(number).padStart(2, "0");
    time.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    time.title = at.toLocaleString(document.documentElement.lang);
  });

  return { connect, filesOf, nameOf, withoutHidden };
})();
