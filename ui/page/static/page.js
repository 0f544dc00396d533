// What the browser does for the page: puts HTML made in Python in place, tells Python what was pressed, shows a quote
// when its number is pointed at, copies, saves, and sets the direction of the question's box to that of the text.
const dalil = (() => {
  const direction = (text) => {
    const count = (letters) => (text.match(letters) ?? []).length;
    const arabic = count(/[\u0620-\u06ff]/g), latin = count(/\p{Script=Latin}/gu);
    return arabic === latin && !arabic ? "" : arabic >= latin ? "rtl" : "ltr";
  };

  // Buttons

  // Where a page came without TLS a browser has no clipboard, but still copies what is selected.
  const copySelected = (text) => {
    const box = Object.assign(document.createElement("textarea"), { value: text, className: "sr-only" });
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  };

  const copy = async (button, text = button.dataset.copy) => {
    if (navigator.clipboard) await navigator.clipboard.writeText(text); else copySelected(text);
    button.classList.add("dalil-done");
    setTimeout(() => button.classList.remove("dalil-done"), 1500);
  };

  // The rest of a long quote, and back.
  const unfold = (button) => {
    const rest = button.previousElementSibling, words = button.textContent;
    rest.hidden = !rest.hidden;
    button.setAttribute("aria-expanded", !rest.hidden);
    [button.textContent, button.dataset.less] = [button.dataset.less, words];
  };

  // One answer alone on paper, whole.
  const printTurn = (button) => {
    const turn = button.closest(".dalil-turn"), root = document.documentElement;
    root.classList.add("dalil-one");
    turn.classList.add("dalil-printed");
    print();
    root.classList.remove("dalil-one");
    turn.classList.remove("dalil-printed");
  };

  const LOCAL = { copy, unfold, print: printTurn, copy_link: (button) => copy(button, dalilLinks.copyOf(button)) };
  // What is done here; all else Python does.

  // What is folded is printed too.
  for (const [kind, is_open] of [["beforeprint", true], ["afterprint", false]]) addEventListener(kind, () => {
    for (const fold of document.querySelectorAll(`.dalil-fold${is_open ? ":not([open])" : "[data-printed]"}`)) {
      fold.open = is_open;
      fold.toggleAttribute("data-printed", is_open);
    }
  });

  const selectedSpan = (panel, start, end) => {
    const selection = getSelection();
    if (selection.isCollapsed || !panel.contains(selection.anchorNode) || !panel.contains(selection.focusNode)) return { start, end };
    const place = (node, offset) => {
      const block = (node.nodeType === 1 ? node : node.parentElement).closest("[data-start]");
      if (!block) return null;
      const before = document.createRange();
      before.setStart(block, 0);
      before.setEnd(node, offset);
      return Number(block.dataset.start) + Array.from(before.toString()).length;
    };
    const ends = [place(selection.anchorNode, selection.anchorOffset), place(selection.focusNode, selection.focusOffset)];
    return ends.includes(null) ? { start, end } : { start: Math.min(...ends), end: Math.max(...ends) };
  };

  // The number in the same answer that stands for the same words.
  const findChip = (button, { article, start, end }) => button.closest(".dalil-turn")?.querySelector(
    `.dalil-chip[data-article="${CSS.escape(article)}"][data-start="${start}"][data-end="${end}"]`);

  const actionData = (button, element) => {
    const data = { ...button.closest(".dalil-turn")?.dataset, ...button.dataset };
    if (data.act === "right") Object.assign(data, selectedSpan(element, Number(data.start), Number(data.end)));
    if (data.act === "open") data.quote ??= findChip(button, data)?.dataset.quote ?? "";
    return data;
  };

  const reportActions = (element, trigger, actions, before = () => {}) => element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (!button || (button.href && (event.ctrlKey || event.metaKey || event.shiftKey))) return;
    if (button.href) event.preventDefault();
    if (button.dataset.act in LOCAL) return LOCAL[button.dataset.act](button);
    if (!actions.includes(button.dataset.act)) return;
    const data = actionData(button, element);
    const report = () => { before(data); trigger(data.act, data); hideQuote(); };
    if (!dalilDialogs.isAsked(button)) return report();
    dalilDialogs.confirmed(button).then((name) => { if (name !== null) { data.name = name; report(); } });
  });

  // The transcript: only parts that changed are replaced, so that nothing that is read or pointed at moves.

  const openingTag = (html) => html.slice(0, html.indexOf(">"));

  const putPart = (log, html, at, kind) => {
    let place = log.children[at];
    const make = () => Object.assign(document.createElement("div"), { className: kind });
    if (!place) log.append(place = make());
    // What is of another kind, as an answer in the place of the quotes before it, is another element: it has not moved.
    else if (place.shown && html && openingTag(place.shown) !== openingTag(html)) { const fresh = make(); place.replaceWith(fresh); place = fresh; }
    if (html !== undefined && place.shown !== html) { place.shown = html; place.innerHTML = html; }
    return place;
  };

  const removeAfter = (place, count) => { while (place.children.length > count) place.lastElementChild.remove(); };

  const LOST_MS = 10_000;

  // What is being done, and for how many seconds once that is long.
  let doneSince = null, ticking = null;

  const showProgress = (words) => {
    const note = document.querySelector("#dalil-progress .dalil-state");
    if (!note) return;
    const [stage, seconds] = note.children;
    note.hidden = words === "";
    stage.textContent = words ?? note.dataset.searching;
    doneSince = note.hidden ? null : doneSince ?? performance.now();
    const tick = () => {
      const count = Math.round((performance.now() - doneSince) / 1000);
      seconds.textContent = count < 2 ? "" : note.dataset.seconds.replace("{count}", count);
    };
    if (!note.hidden) { ticking ??= setInterval(tick, 1000); return; }
    clearInterval(ticking);
    ticking = null;
    seconds.textContent = "";
  };

  const newQuestion = { connect: (begin) => {
    const box = () => document.querySelector("#dalil-question textarea");
    document.addEventListener("click", (event) => {
      const button = event.target.closest("#dalil-ask, #dalil-start [data-act=example]");
      if (button) begin(button.dataset.question ?? box().value);
    }, true);
    document.addEventListener("keydown", (event) => {
      if (event.target === box() && event.key === "Enter" && !event.shiftKey && !event.isComposing) begin(box().value);
    }, true);
  } };

  const transcript = (element, props, watch, trigger, actions) => {
    const log = element.querySelector(".dalil-log"), status = element.querySelector("[role=status]");
    let turns = 0, conversation = null, is_sent = false, is_editing = false;
    const start = dalilStart(trigger, actions, reportActions);
    dalilLinks.connectTranscript(trigger);
    requestAnimationFrame(() => dalilTabs.connect(document.querySelector("#dalil-middle [role=tablist]")));
    const paint = () => {
      const transcriptValue = props.value ?? {};
      is_sent = is_editing = false;
      showProgress(transcriptValue.progress ?? "");
      (transcriptValue.turns ?? []).forEach((parts, number) => {
        const turn = putPart(log, undefined, number, "dalil-turn");
        Object.assign(turn.dataset, { turn: number, answer: transcriptValue.answers?.[number] ?? "" });
        parts.forEach((html, at) => putPart(turn, html, at, "dalil-part"));
        removeAfter(turn, parts.length);
      });
      const count = transcriptValue.turns?.length ?? 0;
      removeAfter(log, count);
      if (status.textContent !== transcriptValue.state) status.textContent = transcriptValue.state ?? "";
      if (count !== turns && conversation === transcriptValue.id) log.lastElementChild?.scrollIntoView({ block: "start", behavior: "smooth" });
      [turns, conversation] = [count, transcriptValue.id];
      start.put(transcriptValue.start ?? "");
      if (transcriptValue.id) dalilShell.painted(Boolean(transcriptValue.start), () => dalilLinks.painted(transcriptValue.id, Boolean(transcriptValue.start)));
    };
    // A question stands there as it is sent, not when Python says so; the first takes the first screen's place: what
    // moves by the reader's own press does not surprise. Where nothing comes back, all is as it was.
    const begin = (question) => {
      const is_busy = is_sent || document.querySelector("#dalil-stop")?.offsetParent;
      if (is_busy || is_editing || !question.trim() || document.querySelector("#dalil-question [aria-invalid=true]")) return;
      is_sent = true;
      const part = element.querySelector("template").content.firstElementChild.cloneNode(true);
      Object.assign(part.querySelector(".dalil-question"), { textContent: question.trim(), dir: direction(question) || "auto" });
      const is_first = log.querySelector(".dalil-turn:only-child .dalil-welcome");
      const turn = putPart(log, undefined, is_first ? 0 : turns, "dalil-turn");
      putPart(turn, part.outerHTML, 0, "dalil-part");
      removeAfter(turn, 1);
      showProgress();
      if (is_first) start.put(""); else turn.scrollIntoView({ block: "start", behavior: "smooth" });
      setTimeout(() => { if (is_sent) paint(); }, LOST_MS);
    };
    newQuestion.connect(begin);
    document.addEventListener("click", ({ target }) => { if (target.closest("[data-act=cancel_edit]")) is_editing = false; });
    watch("value", paint);
    paint();
    reportActions(element, trigger, actions, ({ act }) => {
      if (act !== "edit") return;
      is_editing = true;
      beginEdit();
    });
    log.addEventListener("pointerover", (event) => showQuote(event.target.closest("[data-quote]")));
    log.addEventListener("focusin", (event) => showQuote(event.target.closest("[data-quote]")));
    for (const leaving of ["pointerout", "focusout"]) log.addEventListener(leaving, hideQuote);
  };

  // The quote of a number that is pointed at

  const tip = () => document.getElementById("dalil-tip") ?? document.body.appendChild(
    Object.assign(document.createElement("div"), { id: "dalil-tip", hidden: true, role: "tooltip" }));

  const hideQuote = () => { tip().hidden = true; };

  const showQuote = (chip) => {
    if (!chip) return;
    const shown = tip(), place = chip.getBoundingClientRect();
    Object.assign(shown, { textContent: chip.dataset.quote, dir: chip.dataset.way, hidden: false });
    chip.setAttribute("aria-describedby", shown.id);
    const room = document.documentElement.clientWidth - shown.offsetWidth - 8;
    const left = Math.max(8, Math.min(place.left + place.width / 2 - shown.offsetWidth / 2, room));
    const above = place.top > shown.offsetHeight + 12;
    shown.style.left = `${left}px`;
    shown.style.top = `${above ? place.top - shown.offsetHeight - 6 : place.bottom + 6}px`;
  };

  // The panel of evidence

  const evidence = (element, props, watch, trigger, actions) => {
    let opener = null, asked = 0;
    const sheet = dalilArticle.connect(element, () => opener);
    const askForPage = (place) => {
      if (!place) return;
      place.dataset.key = `${Date.now()}-${++asked}`;
      trigger("show_page", { ...place.dataset });
    };
    document.addEventListener("click", (event) => { opener = event.target.closest("[data-act=open]") ?? opener; }, true);
    reportActions(element, trigger, actions, ({ act }) => {
      if (act === "close") sheet.close(opener);
      if (act === "about" || act === "summarize") dalilArticle.toQuestion(act === "summarize");
    });
    element.addEventListener("click", (event) => { if (event.target.closest("[data-act=enlarge]")) enlarge(element); });
    watch("value", () => requestAnimationFrame(() => {
      const title = element.querySelector("h2"), text = element.querySelector(".dalil-text"), mark = element.querySelector("mark");
      sheet.opened();
      if (!text) return;
      askForPage(element.querySelector(".dalil-page-place"));
      text.scrollTop = mark ? mark.offsetTop - text.clientHeight / 3 : 0;
      Object.assign(text, { tabIndex: 0 }).setAttribute("aria-label", title.textContent);
      text.focus({ preventScroll: true });
    }));
  };

  // The page of a document within it: put where it was asked for, at the marked words

  const enlarge = (panel, is_large = !panel.querySelector(".dalil-large")) => {
    panel.querySelector(".dalil-page-image").classList.toggle("dalil-large", is_large);
    const button = panel.querySelector("[data-act=enlarge]");
    button.textContent = is_large ? button.dataset.shrink : button.dataset.enlarge;
    button.focus();
    scrollToMark(panel);
  };

  const scrollToMark = (panel) => {
    const view = panel.querySelector(".dalil-page-scroll"), mark = view.querySelector(".dalil-word-mark");
    view.scrollTop = mark ? mark.offsetTop - view.clientHeight / 3 : 0;
  };

  const pageImage = (props, watch) => watch("value", () => {
    const { key, html } = props.value ?? {}, place = document.querySelector("#dalil-evidence .dalil-page-place");
    if (!place || place.dataset.key !== key) return;
    const pressed = place.contains(document.activeElement) ? document.activeElement.dataset.way : undefined;
    const is_large = Boolean(place.querySelector(".dalil-large"));
    place.innerHTML = html;
    place.hidden = !html;
    if (!html) return;
    if (is_large) enlarge(place, true);
    if (pressed) (place.querySelector(`[data-way=${pressed}]:enabled`) ?? place.querySelector("[data-way]:enabled"))?.focus();
    scrollToMark(place);
    place.querySelector("img").addEventListener("load", () => scrollToMark(place), { once: true });
  });

  const documents = (element, props, watch, trigger, actions) => {
    reportActions(element, trigger, actions, ({ act }) => { if (act === "about") dalilArticle.toQuestion(); });
    dalilDocuments.connect(element, watch, trigger);
  };

  const list = (element, props, watch, trigger, actions) => reportActions(element, trigger, actions);

  const scope = (element, props, watch, trigger, actions) => reportActions(element, trigger, actions, (data) => {
    if (data.act === "set_dates") for (const { name, value } of element.querySelectorAll("input[type=date]")) data[name] = value;
  });

  // Conversations, which all tabs of this browser keep in one place for each collection: Gradio reads it only when a tab is opened, so each
  // tells the others what it has kept.

  const tabs = new BroadcastChannel(`${document.documentElement.dataset.kept}.conversations`);
  let lastKept = null;

  const announce = (saved) => { lastKept = saved; tabs.postMessage(saved); return []; };

  const lastOf = (conversation) => {
    const kept = lastKept?.find(({ id }) => id === conversation?.id);
    return (kept?.turns ?? []).length > (conversation?.turns ?? []).length ? kept : conversation;
  };

  const withOtherTabs = (names, values) => names.map((name, at) =>
    name === "saved" ? lastKept ?? values[at] : name === "current" ? lastOf(values[at]) : values[at]);

  const conversations = (element, props, watch, trigger, actions) => {
    reportActions(element, trigger, actions, ({ act }) => { if (act === "select") showConversations(false); });
    dalilConversations.connect(element, watch);
    dalilDialogs.keepFocus(element, watch);
    dalilLinks.connectConversations(trigger);
    tabs.onmessage = ({ data }) => { lastKept = data; trigger("refresh", {}); };
  };

  // Files: each is sent alone, so that one that is too large, or lost on the way, keeps no other back.

  const files = (element, trigger, upload) => {
    const zone = element.querySelector(".dalil-drop"), input = zone.querySelector("input"), status = element.querySelector("[role=status]");
    const fits = ({ name, size }) =>
      size <= Number(zone.dataset.limit) && input.accept.split(",").some((suffix) => name.toLowerCase().endsWith(suffix));
    const send = async (dropped) => {
      const sent = [];
      for (const file of dropped) {
        status.textContent = zone.dataset.sending.replace("{done}", sent.length + 1).replace("{count}", dropped.length);
        const { path = "" } = fits(file) ? await upload(file).catch(() => ({})) : {};
        sent.push({ name: dalilDocuments.nameOf(file), size: file.size, path });
      }
      status.textContent = "";
      if (sent.length) trigger("upload", { files: sent });
    };
    const over = (event) => zone.classList.toggle("dalil-over", zone.contains(event.target) && event.type !== "drop");
    const folder = element.querySelector("[webkitdirectory]");
    input.addEventListener("change", () => { send([...input.files]); input.value = ""; });
    folder.addEventListener("change", () => { send(dalilDocuments.withoutHidden([...folder.files])); folder.value = ""; });
    element.querySelector("[data-folder]").addEventListener("click", () => folder.click());
    zone.addEventListener("dalil-files", ({ detail }) => send(detail));
    zone.addEventListener("drop", async (event) => send(await dalilDocuments.filesOf(event.dataTransfer)));
    // Beside the zone, a browser would leave the page for the file.
    for (const kind of ["dragenter", "dragover", "drop"]) document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      over(event);
    });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("dalil-over"); });
    zone.dataset.ready = "";
  };

  const download = (props, watch) => watch("value", () => {
    const { name, kind, text, base64 } = props.value ?? {};
    if (!name) return;
    const content = text ?? Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([content], { type: kind })), download: name });
    link.click();
    URL.revokeObjectURL(link.href);
  });

  const header = (element) => element.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "theme") {
      const dark = document.body.classList.toggle("dark");
      localStorage.setItem("dalil.theme", dark ? "dark" : "light");
    }
    if (act === "conversations") showConversations();
  });

  const showConversations = (is_open) => {
    const drawer = document.getElementById("dalil-conversations"), button = document.querySelector("[data-act=conversations]");
    button?.setAttribute("aria-expanded", drawer.classList.toggle("dalil-open", is_open));
    return button;
  };

  const beginEdit = () => {
    document.querySelector("#dalil-length p").textContent = "";
    document.querySelector("#dalil-question textarea").focus();
  };

  const checkLength = (box) => {
    const note = document.querySelector("#dalil-length p"), count = Array.from(box.value.trim()).length;
    const is_long = count > Number(note.dataset.limit);
    note.textContent = is_long ? note.dataset.told.replace("{count}", count).replace("{limit}", note.dataset.limit) : "";
    box.setAttribute("aria-invalid", is_long);
  };

  document.addEventListener("input", (event) => {
    if (event.target.matches("#dalil-question textarea")) checkLength(event.target);
    if (event.target.matches("#dalil-question textarea, #dalil-filter textarea, #dalil-filter input")) {
      event.target.dir = direction(event.target.value) || document.documentElement.dir;
    }
  });

  // A menu closes when something in it, or anything else, is pressed.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".dalil-menu[open]")) {
      if (!menu.contains(event.target) || event.target.closest(".dalil-menu [data-act]:not([data-act^=copy])")) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    const writing = event.target.matches("textarea, input");
    if (event.key === "/" && !writing) {
      event.preventDefault();
      document.querySelector("#dalil-question textarea")?.focus();
    }
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (!tip().hidden) return hideQuote();
      if (document.querySelector("#dalil-conversations.dalil-open") && matchMedia("(max-width: 60rem)").matches) return showConversations(false).focus();
      const menu = document.querySelector(".dalil-menu[open]");
      if (menu) { menu.open = false; return menu.querySelector("summary").focus(); }
      const large = document.querySelector(".dalil-page-place:has(.dalil-large)");
      if (large) return enlarge(large, false);
      const stop = document.querySelector("#dalil-stop");
      (stop?.offsetParent ? stop : document.querySelector("#dalil-evidence .dalil-close"))?.click();
    }
  });

  if (dalilShell.element) header(dalilShell.element);

  return { transcript, evidence, pageImage, documents, list, scope, conversations, announce, withOtherTabs, files, download, header };
})();
