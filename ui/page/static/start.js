// What stands beneath the box while nothing has been asked: its buttons tell Python what was pressed by the transcript's
// events, and files are handed to the place for them under "Articles", which Gradio makes only when it is opened.
const dalilStart = (trigger, actions, reportActions) => {
  const find = (selector, then, tries = 300) => {  // frames: five seconds, as long as a press counts for a browser
    const found = document.querySelector(selector);
    if (found) then(found); else if (tries) requestAnimationFrame(() => find(selector, then, tries - 1));
  };

  const addDocuments = (files) => {
    document.querySelector("#dalil-library-button").click();
    find("#dalil-files .dalil-drop[data-ready] input", (input) => {
      if (files) input.closest(".dalil-drop").dispatchEvent(new CustomEvent("dalil-files", { detail: files })); else input.click();
    });
  };

  const is_shown = () => document.querySelector("#dalil-start .dalil-add")?.offsetParent;

  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files") || !is_shown()) return;
    event.preventDefault();
    if (kind === "drop") dalilDocuments.filesOf(event.dataTransfer).then(addDocuments);
  });

  let connected = null;
  const put = (html) => find("#dalil-start .dalil-start", (place) => {
    if (place.shown !== html) { place.shown = html; place.innerHTML = html; }
    if (connected === place) return;
    connected = place;
    reportActions(place, trigger, actions, (data) => {
      if (data.act === "pick_topic") document.querySelector("#dalil-question textarea").focus();
    });
    place.addEventListener("click", (event) => { if (event.target.closest("[data-act=add_documents]")) addDocuments(); });
  });

  return { put };
};
