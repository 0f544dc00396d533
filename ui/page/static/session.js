// A session that ends while the page is open, and a connection that is lost: events are refused then, or arrive nowhere,
// since Gradio opens its stream of answers once. What was written stays, also when the reader connects again.
(() => {
  const send = window.fetch.bind(window), REFUSED = 401, EVENTS = /\/gradio_api\/queue\/(join|data)/;
  const draft = `${document.documentElement.dataset.kept}.draft`;
  let is_leaving = false;
  addEventListener("pagehide", () => { is_leaving = true; keepWritten(); });
  addEventListener("pageshow", () => { is_leaving = false; });

  // Gradio may load the page again before the reader asks for it.
  const keepWritten = () => {
    const written = document.querySelector("#dalil-question textarea")?.value ?? "";
    if (written && document.getElementById("dalil-lost")) sessionStorage.setItem(draft, written);
  };

  const tellLost = (error) => {
    if (is_leaving || error?.name === "AbortError" || document.getElementById("dalil-lost")) return;
    document.body.append(document.getElementById("dalil-lost-note").content.cloneNode(true));
    document.querySelector("#dalil-lost button").addEventListener("click", () => location.reload());
  };

  // As long as the page is open something is pending, so the stream ends only when it is cut.
  const watchStream = (response) => {
    const [kept, watched] = response.body.tee(), reader = watched.getReader();
    const read = () => reader.read().then(({ done }) => done ? tellLost() : read(), tellLost);
    read();
    return new Response(kept, response);
  };

  window.fetch = async (...request) => {
    const [, event] = EVENTS.exec(request[0]?.url ?? request[0]) ?? [];
    const response = await send(...request).catch((error) => { if (event) tellLost(error); throw error; });
    if (response.status === REFUSED) document.getElementById("dalil-session")?.removeAttribute("hidden");
    else if (event && (response.status === 404 || response.status >= 500)) tellLost();
    return event === "data" && response.ok ? watchStream(response) : response;
  };

  const written = sessionStorage.getItem(draft), box = document.querySelector("#dalil-shell textarea");
  sessionStorage.removeItem(draft);
  if (written && box) box.value = written;
})();
