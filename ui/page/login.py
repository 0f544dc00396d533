"""Where a reader gives a key, once a browser, when the service asks for keys."""

from ui.page.html import element
from ui.page.labels import words


def login_html(wrong: bool) -> str:
    """The page that asks for a key, in both languages."""
    arabic, english = words("ar"), words("en")

    def both(key: str) -> str:
        return f'<span lang="ar" dir="rtl">{arabic[key]}</span> · <span lang="en" dir="ltr">{english[key]}</span>'

    problem = element("p", both("key_wrong"), role="alert", cls="dalil-error") if wrong else ""
    form = (
        f'<label for="key">{both("key")}</label>'
        '<input id="key" name="key" type="password" autocomplete="current-password" required autofocus dir="ltr">'
        f'<p class="dalil-small">{both("key_hint")}</p>'
        f'<button type="submit" class="dalil-main">{both("sign_in")}</button>'
    )
    body = element("h1", both("title")) + problem + element("form", form, method="post", action="login")
    return (
        '<!doctype html><html lang="ar" dir="rtl"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>دليل · Dalil</title>'
        '<link rel="stylesheet" href="page/page.css"></head>'
        f'<body class="dalil-login"><main>{body}</main></body></html>'
    )
