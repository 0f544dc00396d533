// A session that ends while the page is open: its events are refused then, and what was typed stays until its reader has
// signed in again.
(() => {
  const send = window.fetch.bind(window), REFUSED = 401;
  window.fetch = async (...request) => {
    const response = await send(...request);
    if (response.status === REFUSED) document.getElementById("dalil-session")?.removeAttribute("hidden");
    return response;
  };
})();
