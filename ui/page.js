// Opens the article of a citation chip in the side panel, with the quote marked. Everything that comes from an
// article is put in as text, never as HTML. Offsets are code points, so the text is cut as an array of them.
() => {
  const words = {
    ar: { wait: "يُفتح المقال…", failed: "تعذّر فتح المقال.", link: "الأصل" },
    en: { wait: "Opening the article…", failed: "The article could not be opened.", link: "Source" },
  };

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const shown = (article, start, end) => {
    const points = Array.from(article.text);
    const dir = article.language === "ar" ? "rtl" : "ltr";
    const mark = element("mark", {}, points.slice(start, end).join(""));
    const text = element("div", { className: "dalil-text", dir },
      points.slice(0, start).join(""), mark, points.slice(end).join(""));
    const meta = element("div", { className: "dalil-meta", dir }, [article.date, article.topic].filter(Boolean).join(" · "));
    if (/^https?:\/\//.test(article.url ?? "")) {
      const link = words[article.language].link;
      meta.append(" ", element("a", { href: article.url, target: "_blank", rel: "noopener noreferrer" }, link));
    }
    return [element("h2", { dir }, article.title), meta, text];
  };

  const open = async (chip) => {
    const panel = document.getElementById("dalil-article");
    const spoken = words[chip.dataset.language] ?? words.en;
    panel.replaceChildren(spoken.wait);
    try {
      const id = chip.dataset.article.split("/").map(encodeURIComponent).join("/");
      const answer = await fetch(`v1/articles/${id}/text`);
      if (!answer.ok) throw new Error(answer.statusText);
      panel.replaceChildren(...shown(await answer.json(), Number(chip.dataset.start), Number(chip.dataset.end)));
      panel.querySelector("mark").scrollIntoView({ block: "nearest" });
      panel.focus({ preventScroll: true });
    } catch {
      panel.replaceChildren(spoken.failed);
    }
  };

  document.addEventListener("click", (event) => {
    const chip = event.target.closest?.(".dalil-cite");
    if (chip) open(chip);
  });
}
