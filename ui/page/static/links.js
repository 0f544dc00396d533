// Addresses within the page: what stands behind its # opens a conversation (kept in this browser), an answer of it, or an
// article at the very words (kept by the server, so that such an address works in every browser).
const dalilLinks = (() => {
  const NAMES = ["conversation", "answer", "article", "start", "end"];
  const asked = read();
  let open, select, shown = null, is_followed = false, awaited = null;

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    return Object.fromEntries(NAMES.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
  }

  const toHash = (place) => `#${new URLSearchParams(NAMES.filter((name) => place[name]).map((name) => [name, place[name]]))}`;

  const address = (hash) => `${location.origin}${location.pathname}${hash}`;

  const note = (place, is_new = false) => {
    const hash = toHash(place);
    if (hash === (location.hash || "#")) return;
    history[is_new ? "pushState" : "replaceState"](null, "", hash === "#" ? location.pathname + location.search : hash);
  };

  const tell = (words) => { document.querySelector("#dalil-link-note p").textContent = words; };

  // What an address asks for, one after the other: a conversation is there only when it was painted.
  const follow = (place) => {
    const list = document.querySelector(".dalil-conversation-list");
    tell("");
    if (place.conversation && place.conversation !== shown) {
      const is_kept = list?.querySelector(`[data-act=select][data-conversation="${CSS.escape(place.conversation)}"]`);
      if (is_kept) select({ conversation: place.conversation });
      else tell(document.querySelector("#dalil-link-note p").dataset.told);
    }
    awaited = place.answer ?? null;
    showAnswer();
    const panel = document.querySelector("#dalil-evidence .dalil-close");
    if (place.article) open({ article: place.article, start: Number(place.start) || 0, end: Number(place.end) || 0 });
    else if (panel) panel.click();
  };

  const showAnswer = () => {
    const turn = awaited && document.querySelector(`.dalil-turn[data-answer="${CSS.escape(awaited)}"]`);
    if (!turn) return;
    awaited = null;
    turn.scrollIntoView({ block: "start" });
    Object.assign(turn, { tabIndex: -1 }).focus({ preventScroll: true });
  };

  const connectTranscript = (trigger) => { open = (place) => trigger("open", place); };

  const connectConversations = (trigger) => { select = (place) => trigger("select", place); };

  // The transcript was painted: the address says which conversation it is. What was asked for comes first.
  const painted = (id, is_empty) => {
    if (!id) return;
    shown = is_empty ? null : id;
    if (!is_followed) {
      is_followed = true;
      if (Object.keys(asked).length) return requestAnimationFrame(() => follow(asked));
    }
    const { article, start, end } = read();
    note({ conversation: shown, article, start, end });
    showAnswer();
  };

  const copyOf = (button) => {
    const answer = button.closest(".dalil-turn")?.dataset.answer;
    return address(button.dataset.address ?? toHash({ conversation: shown, answer }));
  };

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const button = event.target.closest("[data-act=open], #dalil-evidence [data-act=close]");
    if (!button) return;
    const { article, start, end } = button.dataset, { conversation } = read();
    note({ conversation, article, start: Number(end) ? start : null, end: Number(end) ? end : null }, Boolean(article));
  }, true);

  // The other language opens the same.
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".dalil-language");
    if (link) link.hash = location.hash;
  }, true);

  addEventListener("popstate", () => {
    const place = read();
    if (Object.keys(place).length || !location.hash) follow(place);
  });

  return { connectTranscript, connectConversations, painted, copyOf };
})();
