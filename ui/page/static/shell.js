// The first screen that came with the page, until Gradio has made its own: what was written in its box goes on in the
// other, and what was pressed is pressed there.
const dalilShell = (() => {
  const START = "#dalil-start .dalil-start", LAST_MS = 15_000;
  let shell = document.getElementById("dalil-shell"), pressed = null, is_composing = false, waiting = () => {};
  // For the next visit: whether it begins with a conversation.
  const note = (is_empty) => localStorage[is_empty ? "removeItem" : "setItem"](`${document.documentElement.dataset.kept}.begun`, "1");

  if (!shell) return { painted: (is_empty, then) => { note(is_empty); then(); } };
  const box = shell.querySelector("textarea"), state = shell.querySelector(".dalil-state");

  // The same button of the page that Gradio makes.
  const find = (button) => {
    if (button.dataset.shell) return document.querySelector(button.dataset.shell);
    const { act } = button.dataset, of = (root) => [...root.querySelectorAll(`[data-act="${act}"]`)];
    const start = button.closest(".dalil-start"), root = document.querySelector(start ? START : "#dalil-header");
    return root && of(root)[of(start ?? shell).indexOf(button)];
  };

  const press = (button) => {
    pressed = button;
    box.readOnly = true;
    state.hidden = false;
  };

  const goOn = () => {
    const question = document.querySelector("#dalil-question textarea"), { value, selectionStart, selectionEnd } = box;
    const is_focused = document.activeElement === box, target = pressed && find(pressed);
    shell.remove();
    shell = null;
    document.documentElement.classList.remove("dalil-starting");
    if (value) {
      question.value = value;
      question.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (is_focused || pressed?.dataset.shell === "#dalil-ask") {
      question.focus({ preventScroll: true });
      question.setSelectionRange(selectionStart, selectionEnd);
    }
    if (target) requestAnimationFrame(() => target.click());
    // Where Gradio has a transition, what was hidden can be focused only in the frame after the next.
    requestAnimationFrame(() => requestAnimationFrame(finish));
  };

  // What stands beneath the box may come a moment after the transcript.
  const exchange = (is_late = false) => {
    if (!shell || is_composing) return;
    const is_there = document.querySelector("#dalil-question textarea") && (document.querySelector(START) || is_late);
    if (is_there) goOn(); else requestAnimationFrame(() => exchange(is_late));
  };

  // The transcript is there: `then` is for what can be seen alone.
  const painted = (is_empty, then) => {
    note(is_empty);
    waiting = then;
    if (shell) exchange(); else finish();
  };

  const finish = () => { waiting(); waiting = () => {}; };

  shell.addEventListener("click", (event) => {
    const button = event.target.closest("[data-shell], [data-act]");
    if (!button) return;
    event.preventDefault();
    if (!button.matches("[data-act=theme]") && (button.dataset.shell !== "#dalil-ask" || box.value.trim())) press(button);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    shell.querySelector("[data-shell='#dalil-ask']").click();
  });
  box.addEventListener("compositionstart", () => { is_composing = true; });
  box.addEventListener("compositionend", () => { is_composing = false; if (document.querySelector(".dalil-turn")) exchange(); });
  // Gradio's page is shown, whatever has become of it.
  setTimeout(() => exchange(true), LAST_MS);
  return { painted, element: shell };
})();
