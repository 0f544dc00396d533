// Shows the chat within another site: <script src="https://dalil.example.org/page/embed.js" data-language="en" async></script>
// puts a button into its corner; with data-target="#place" the chat stands in that element. data-label names the button,
// data-theme is light or dark. Nothing of the site is read, and nothing is asked before the chat is opened.
(() => {
  const { language = "ar", label, target, theme } = document.currentScript.dataset, is_arabic = language === "ar";
  const page = new URL(`../${language}/`, document.currentScript.src);
  page.searchParams.set("embed", "");
  if (theme) page.searchParams.set("__theme", theme);
  const words = label ?? (is_arabic ? "اسأل دليل" : "Ask Dalil");

  const make = (name, values, style) => {
    const element = Object.assign(document.createElement(name), values);
    element.style.cssText = `all: revert; ${style}`;
    return element;
  };

  const makeFrame = (style) =>
    make("iframe", { src: page.href, title: words, allow: "clipboard-write", loading: "lazy" }, `border: 0; ${style}`);

  const stand = (place) => place.append(makeFrame("inline-size: 100%; block-size: 100%; min-block-size: 30rem; border-radius: 12px;"));

  const float = () => {
    const corner = "position: fixed; inset-inline-end: 16px; z-index: 2147483000;";
    const button = make("button", { type: "button", textContent: words, ariaExpanded: "false", lang: language, dir: is_arabic ? "rtl" : "ltr" },
      `${corner} inset-block-end: 16px; padding: 12px 20px; border: 0; border-radius: 24px; background: #0f766e; color: #fff;
       font: 600 16px system-ui, sans-serif; box-shadow: 0 4px 16px #0004; cursor: pointer;`);
    let frame = null;
    const show = (is_open) => {
      frame ??= document.body.appendChild(makeFrame(
        `${corner} inset-block-end: 76px; inline-size: min(26rem, calc(100vw - 32px)); block-size: min(40rem, calc(100dvh - 100px));
         border-radius: 14px; background: #f5f5f4; box-shadow: 0 12px 40px #0005;`));
      frame.style.display = is_open ? "block" : "none";
      button.ariaExpanded = String(is_open);
    };
    button.addEventListener("click", () => show(button.ariaExpanded !== "true"));
    document.addEventListener("keydown", ({ key }) => { if (key === "Escape" && frame) { show(false); button.focus(); } });
    document.body.append(button);
  };

  const start = () => { if (target) stand(document.querySelector(target)); else float(); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
