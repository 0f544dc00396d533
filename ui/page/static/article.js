// The article beside the chat: a sheet on narrow screens, from one citation of an answer to the next, words searched
// within it.
const dalilArticle = (() => {
  const narrow = matchMedia("(max-width: 75rem)");

  // Folds writing so that forms of one word meet: no marks, one alef, one yeh, one heh, digits of one kind. Gives the text
  // and, for each of its code units, where it stands in the original.
  const fold = (text) => {
    const same = { "ى": "ي", "ة": "ه", "ی": "ي", "ک": "ك" };
    let folded = "";
    const places = [];
    for (let at = 0; at < text.length;) {
      const letter = String.fromCodePoint(text.codePointAt(at));
      const plain = letter.normalize("NFKD").replace(/\p{M}|\u0640/gu, "").toLowerCase();
      for (const one of plain) {
        const digit = /\p{Nd}/u.test(one) ? String(digitOf(one)) : same[one] ?? one;
        folded += digit;
        for (let unit = 0; unit < digit.length; unit++) places.push(at);
      }
      at += letter.length;
    }
    return { folded, places: [...places, text.length] };
  };

  const digitOf = (letter) => {
    const code = letter.codePointAt(0);
    for (const zero of [0x30, 0x660, 0x6f0]) if (code >= zero && code <= zero + 9) return code - zero;
    return letter;
  };

  // Every place of the words in a line of the article, as ranges of its text nodes; over the marks of a citation, too.
  const findInLine = (line, wanted) => {
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT), nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    const { folded, places } = fold(nodes.map((node) => node.data).join(""));
    const ranges = [];
    for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + wanted.length)) {
      ranges.push(rangeOf(nodes, places[at], places[at + wanted.length]));
    }
    return ranges;
  };

  const rangeOf = (nodes, start, end) => {
    const range = document.createRange();
    let before = 0;
    for (const node of nodes) {
      const length = node.data.length;
      if (start >= before && start < before + length) range.setStart(node, start - before);
      if (end > before && end <= before + length) range.setEnd(node, end - before);
      before += length;
    }
    return range;
  };

  // Painted without touching the text, whose offsets tell what is selected.
  const paint = (name, ranges) => globalThis.CSS?.highlights?.set(name, new Highlight(...ranges));

  const connectSearch = (element) => {
    let found = [], at = -1;
    const parts = () => ({ box: element.querySelector(".dalil-search input"), status: element.querySelector(".dalil-search [role=status]") });
    const show = (way) => {
      const { status, box } = parts();
      at = found.length ? (at + way + found.length) % found.length : -1;
      paint("dalil-found", found);
      paint("dalil-found-here", found.slice(at, at + 1));
      status.textContent = box.value.trim() ? `${at + 1} / ${found.length}` : "";
      element.querySelectorAll("[data-find]").forEach((button) => { button.disabled = !found.length; });
      if (at < 0) return;
      const text = element.querySelector(".dalil-text"), place = found[at].getBoundingClientRect();
      text.scrollTop += place.top - text.getBoundingClientRect().top - text.clientHeight / 3;
    };
    const search = () => {
      const wanted = fold(parts().box.value.trim().replace(/\s+/g, " ")).folded;
      found = wanted ? [...element.querySelectorAll(".dalil-text [data-start]")].flatMap((line) => findInLine(line, wanted)) : [];
      at = -1;
      show(1);
    };
    element.addEventListener("input", (event) => { if (event.target.closest(".dalil-search")) search(); });
    element.addEventListener("submit", (event) => event.preventDefault());
    element.addEventListener("click", (event) => {
      const way = event.target.closest("[data-find]")?.dataset.find;
      if (way) show(Number(way));
    });
    element.addEventListener("keydown", (event) => {
      if (!event.target.closest(".dalil-search")) return;
      if (event.key === "Enter" && event.target.matches("input")) { event.preventDefault(); show(event.shiftKey ? -1 : 1); }
      if (event.key === "Escape" && event.target.value) { event.stopPropagation(); event.target.value = ""; search(); }
    });
    return () => { [found, at] = [[], -1]; ["dalil-found", "dalil-found-here"].forEach((name) => paint(name, [])); };
  };

  // The citations of the answer that a citation was opened from: the first button of each number.
  const citationsBeside = (opener) => {
    const chips = [...(opener?.closest(".dalil-turn")?.querySelectorAll("button.dalil-chip") ?? [])];
    return [...new Map(chips.reverse().map((chip) => [Number(chip.textContent), chip])).entries()].sort(([a], [b]) => a - b).map(([, chip]) => chip);
  };

  const isSame = (chip, opener) => ["article", "start", "end"].every((name) => chip.dataset[name] === opener.dataset[name]);

  const connectSteps = (element, findOpener) => {
    const move = (way) => {
      const opener = findOpener(), all = citationsBeside(opener);
      const at = all.findIndex((chip) => isSame(chip, opener));
      if (all.length > 1) all[(at + way + all.length) % all.length].click();
    };
    element.addEventListener("click", (event) => {
      const way = event.target.closest("[data-step]")?.dataset.step;
      if (way) move(Number(way));
    });
    // Within the panel alone, so that no letter acts elsewhere; by the place of the key, whatever language it writes.
    element.addEventListener("keydown", (event) => {
      const way = { KeyN: 1, KeyP: -1 }[event.code];
      if (!way || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
      event.preventDefault();
      move(way);
    });
    return () => {
      const steps = element.querySelector(".dalil-steps"), opener = findOpener(), all = citationsBeside(opener);
      const at = all.findIndex((chip) => isSame(chip, opener));
      if (!steps) return;
      steps.hidden = all.length < 2 || at < 0;
      steps.querySelector("[role=status]").textContent = `${at + 1} / ${all.length}`;
    };
  };

  // On narrow screens the panel lies over the page as a dialog: what is beneath can neither be reached nor scrolled.
  const placeSheet = (element) => {
    const side = document.getElementById("dalil-side"), is_sheet = narrow.matches && Boolean(element.querySelector(".dalil-close"));
    for (const part of [".dalil-head", "#dalil-conversations", "#dalil-middle"]) document.querySelector(part).inert = is_sheet;
    side.classList.remove("dalil-closed");
    const about = { role: "dialog", "aria-modal": "true", "aria-label": element.querySelector("h2")?.textContent };
    for (const [name, value] of Object.entries(about)) is_sheet ? side.setAttribute(name, value) : side.removeAttribute(name);
    return is_sheet;
  };

  const connect = (element, findOpener) => {
    const side = document.getElementById("dalil-side");
    const forget = connectSearch(element), showSteps = connectSteps(element, findOpener);
    narrow.addEventListener("change", () => placeSheet(element));
    side.addEventListener("click", (event) => { if (event.target === side && narrow.matches) element.querySelector(".dalil-close")?.click(); });
    return {
      opened: () => { forget(); showSteps(); return placeSheet(element); },
      // At once, before Python has answered: the place in the chat is there again.
      close: (focused) => {
        const is_sheet = side.getAttribute("role") === "dialog";
        for (const part of [".dalil-head", "#dalil-conversations", "#dalil-middle"]) document.querySelector(part).inert = false;
        side.classList.toggle("dalil-closed", is_sheet);
        focused?.focus({ preventScroll: is_sheet });
      },
    };
  };

  // To the question, with the article that it is to be about.
  const toQuestion = (is_asked = false) => {
    const box = document.querySelector("#dalil-question textarea");
    document.getElementById("dalil-chat-button")?.click();
    if (narrow.matches) document.querySelector("#dalil-evidence .dalil-close")?.click();
    if (!is_asked) requestAnimationFrame(() => requestAnimationFrame(() => box?.focus()));
  };

  return { connect, fold, toQuestion };
})();
