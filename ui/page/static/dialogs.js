// Dialogs of the page's own, in its language; the browser's speak that of the browser. Escape closes them, and what
// opened one has the focus again.
const dalilDialogs = (() => {
  const fill = (dialog, { ask, sure, about = "", name = "", yes, longest = 60 }) => {
    const input = dialog.querySelector("input"), accept = dialog.querySelector("[value=yes]");
    dialog.querySelector("h2").textContent = ask ?? sure;
    dialog.querySelector("p").textContent = about;
    Object.assign(input, { value: name, hidden: !ask, required: Boolean(ask), maxLength: longest });
    accept.textContent = yes;
    accept.classList.toggle("dalil-harmful", Boolean(sure));
    return ask ? input : dialog.querySelector("[data-cancel]");
  };

  // What a button asks for: `data-ask` a name, `data-sure` a yes. Gives the name, or null when it was cancelled.
  const confirmed = (button) => new Promise((settle) => {
    const dialog = document.getElementById("dalil-dialog"), first = fill(dialog, button.dataset);
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      settle(dialog.returnValue === "yes" ? dialog.querySelector("input").value.trim() : null);
    }, { once: true });
    dialog.querySelector("[data-cancel]").onclick = () => dialog.close();
    dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
    dialog.showModal();
    first.focus();
    first.select?.();
  });

  const isAsked = ({ dataset }) => Boolean(dataset.ask || dataset.sure);

  // A list is made anew when something in it was pressed: the same button of the same row is focused again, or the first.
  const keepFocus = (element, watch) => {
    let pressed = null;
    element.addEventListener("click", (event) => { pressed = event.target.closest("[data-act]")?.dataset ?? null; }, true);
    watch("value", () => requestAnimationFrame(() => {
      if (!pressed || document.activeElement !== document.body) return;
      const all = [...element.querySelectorAll("button")], { act, conversation: row } = pressed;
      requestAnimationFrame(() => (all.find(({ dataset }) => dataset.act === act && dataset.conversation === row) ?? document.querySelector("[data-act=new]"))?.focus());
      pressed = null;
    }));
  };

  return { confirmed, isAsked, keepFocus };
})();
