"""Ten saved web pages around sample articles, each of another make, and what of each is the article.

`python -m tests.web_pages FOLDER` writes them and their truth for `dalil eval extract FOLDER --truth FOLDER/truth`.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import yaml
from markdown_it import MarkdownIt

ARTICLES = Path(__file__).parent.parent / "articles"


class Original(NamedTuple):
    title: str
    blocks: list[tuple[str, str]]
    """Tag and words of each block."""

    @property
    def body(self) -> str:
        parts = "".join(f"<{tag}>{text}</{tag}>" for tag, text in self.blocks)
        return re.sub(r"(?:<li>.*?</li>)+", r"<ul>\g<0></ul>", parts)

    @property
    def paragraphs(self) -> list[str]:
        return [text for _, text in self.blocks]


class Page(NamedTuple):
    name: str
    content: bytes
    title: str
    text: str


def read_original(name: str) -> Original:
    _, front, body = (ARTICLES / f"{name}.md").read_text("utf-8").split("---\n", 2)
    blocks, tags = [], []
    for token in MarkdownIt().parse(body):
        if token.nesting == 1:
            tags.append(token.tag)
        elif token.nesting == -1:
            tags.pop()
        elif token.type == "inline":
            words = "".join(child.content or " " for child in token.children or () if child.nesting == 0)
            tag = "li" if "li" in tags else tags[-1]
            blocks.append((tag, words.strip()))
    return Original(str(yaml.safe_load(front)["title"]), blocks)


MENU = "الرئيسية السياسة الاقتصاد الرياضة الثقافة العلوم المنوعات الآراء المرئيات الصحة السفر التعليم".split()
LINKS = [
    "أسعار الذهب تسجل مستوى جديدًا في تعاملات الصباح",
    "عشر نصائح لنوم هادئ في ليالي الصيف",
    "المنتخب يستعد لمباراته الودية المقبلة",
    "طقس الغد: غائم جزئيًا مع فرصة لأمطار خفيفة",
    "افتتاح معرض الكتاب بمشاركة مئتي دار نشر",
    "كيف تختار هاتفك القادم؟ دليل للمبتدئين",
]
COMMENTS = ["موضوع رائع ومفيد، شكرًا جزيلًا للكاتب.", "أختلف معك في النقطة الثانية، والله أعلم.", "بارك الله فيكم."]
COOKIES = "نستخدم ملفات تعريف الارتباط لتحسين تجربتك. بمتابعة التصفح فإنك توافق على سياسة الخصوصية."


def links(names: list[str], tag: str = "li") -> str:
    return "".join(f'<{tag}><a href="/{at}">{name}</a></{tag}>' for at, name in enumerate(names))


def write_news(one: Original) -> str:
    return f"""<!DOCTYPE html><html dir="rtl" lang="ar"><head><meta charset="utf-8">
<title>{one.title} - أخبار المساء</title><meta property="og:title" content="{one.title}">
<meta name="author" content="سلمى العبدالله"><meta property="article:published_time" content="2024-05-02T09:30:00Z">
<link rel="canonical" href="https://example.org/news/1"><style>p{{color:#222}}</style><script>var ads = [1, 2];</script>
</head><body class="single"><div id="cookie-banner" class="cookie-consent">{COOKIES}<button>موافق</button></div>
<header class="site-header"><nav><ul>{links(MENU)}</ul></nav></header>
<div class="breadcrumbs"><a href="/">الرئيسية</a> » <a href="/c">ثقافة</a></div>
<main><article class="post"><h1 class="entry-title">{one.title}</h1>
<div class="share-buttons"><a href="#">شارك على فيسبوك</a><a href="#">غرّد</a><a href="#">واتساب</a></div>
<div class="entry-content">{one.body}</div>
<div class="tags-links">الوسوم: <a href="/t">تاريخ</a> <a href="/t">تراث</a></div></article>
<section class="related-posts"><h3>اقرأ أيضًا</h3><ul>{links(LINKS)}</ul></section>
<section id="comments" class="comments-area"><h3>التعليقات</h3>
<ol class="comment-list">{"".join(f'<li class="comment"><p>{one}</p></li>' for one in COMMENTS)}</ol></section></main>
<aside class="sidebar widget-area"><h3>الأكثر قراءة</h3><ul>{links(LINKS[::-1])}</ul></aside>
<footer class="site-footer">جميع الحقوق محفوظة © أخبار المساء</footer></body></html>"""


def write_encyclopedia(one: Original) -> str:
    heading = '<h2><span class="mw-headline">{}</span><span class="mw-editsection">[<a href="#">عدّل</a>]</span></h2>'
    body = "".join(
        heading.format(text)
        if tag == "h2"
        else f'<{tag}>{text}<sup class="reference"><a href="#n">[1]</a></sup></{tag}>'
        for tag, text in one.blocks
    )
    contents = "".join(f'<li><a href="#s">{text}</a></li>' for tag, text in one.blocks if tag == "h2")
    return f"""<!DOCTYPE html><html lang="ar" dir="rtl" class="client-js"><head><meta charset="UTF-8">
<title>{one.title} - الموسوعة المفتوحة</title><link rel="canonical" href="https://example.org/wiki/1"></head><body>
<div id="mw-navigation"><div id="mw-head"><ul>{links(["مقالة", "نقاش", "اقرأ", "عدّل", "تاريخ"])}</ul></div>
<div id="mw-panel"><h3>إبحار</h3><ul>{links(["الصفحة الرئيسية", "أحدث التغييرات", "صفحة عشوائية", "تصفح"])}</ul></div></div>
<div id="content" class="mw-body" role="main"><h1 id="firstHeading" class="firstHeading">{one.title}</h1>
<div id="bodyContent"><div id="siteSub">من الموسوعة المفتوحة</div><div id="mw-content-text"><div class="mw-parser-output">
<div id="toc" class="toc" role="navigation"><h2>المحتويات</h2><ul>{contents}</ul></div>{body}
<div class="navbox" role="navigation"><table><tr><th>مواضيع ذات صلة</th></tr><tr><td><ul>{links(LINKS)}</ul></td></tr></table>
</div></div></div><div id="catlinks" class="catlinks">تصنيفات: <ul>{links(["تاريخ", "مقالات جيدة"])}</ul></div></div></div>
<footer id="footer"><ul><li>آخر تعديل لهذه الصفحة كان يوم 3 مارس 2024.</li><li>النصوص منشورة برخصة حرة.</li></ul></footer>
</body></html>"""


def write_nested_tables(one: Original) -> str:
    body = "<br><br>".join(
        f"<b>{text}</b>" if tag == "h2" else f"<font size=4>{text}</font>" for tag, text in one.blocks
    )
    menu = "".join(f"<tr><td bgcolor=#cccccc><a href=x.htm>{name}</a></td></tr>" for name in MENU)
    return f"""<HTML><HEAD><TITLE>{one.title}</TITLE></HEAD><BODY bgcolor=white dir=rtl><center>
<table width=760 border=0><tr><td colspan=2><font size=6 color=navy>موقع التراث العربي</font></td></tr>
<tr><td width=150 valign=top><table>{menu}</table></td><td valign=top><h1>{one.title}</h1><p>{body}</p></td></tr>
<tr><td colspan=2 align=center><font size=1>أنت الزائر رقم 20431 - صُمم الموقع لدقة 800 في 600</font></td></tr></table>
</center></BODY></HTML>"""


def write_government(one: Original) -> str:
    tools = links(["طباعة", "حفظ", "إرسال إلى صديق", "تكبير الخط"], "span")
    return f"""<!DOCTYPE html><html lang="ar" dir="rtl"><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<title>{one.title}</title><meta name="dcterms.date" content="2023-11-05"></head><body>
<div id="topbar"><span>English</span> | <span>خريطة الموقع</span> | <span>اتصل بنا</span></div>
<div id="nav" class="navbar"><ul>{links(["عن الجهة", "الخدمات", "الأنظمة", "المركز الإعلامي", "البيانات المفتوحة"])}</ul></div>
<div id="content"><h2 class="page-title">{one.title}</h2><div class="page-tools">{tools}</div>
<div class="page-body">{one.body}</div></div>
<div id="survey" class="modal"><p>هل كانت هذه الصفحة مفيدة؟</p><button>نعم</button><button>لا</button></div>
<div id="footer"><p>مركز الاتصال الموحد 19999</p><ul>{links(["سياسة الخصوصية", "شروط الاستخدام", "الوظائف"])}</ul></div></body></html>"""


def write_questions(one: Original) -> str:
    parts, is_open = [], False
    for tag, text in one.blocks:
        if tag == "h2":
            parts.append(("</div></details>" if is_open else "") + f"<details><summary>{text}</summary><div>")
            is_open = True
        else:
            parts.append(f"<{tag}>{text}</{tag}>")
    return f"""<!DOCTYPE html><html lang="ar"><head><meta charset="utf-8"><title>{one.title} | مركز المساعدة</title></head>
<body><header><a href="/">مركز المساعدة</a><form><input placeholder="ابحث"><button>بحث</button></form></header>
<main><h1>{one.title}</h1>{"".join(parts)}{"</div></details>" if is_open else ""}</main>
<nav class="pagination"><a href="/p">السابق</a> <a href="/n">التالي</a></nav>
<footer><ul>{links(["تواصل معنا", "المنتدى", "حالة الخدمة"])}</ul></footer></body></html>"""


def write_blog(one: Original) -> str:
    return f"""<!DOCTYPE html><html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>مدونة على الهامش: {one.title}</title>
<script type="application/ld+json">{{"@type": "BlogPosting", "headline": "{one.title}", "datePublished": "2021-02-14",
"author": {{"@type": "Person", "name": "هند المرزوق"}}}}</script></head><body>
<div class="blog-header"><h1 class="blog-title"><a href="/">على الهامش</a></h1><p class="description">خواطر وقراءات</p></div>
<div class="content"><div class="post hentry"><h2 class="post-title">{one.title}</h2><div class="post-body">{one.body}</div>
<div class="post-footer"><span class="post-author">كتبته هند المرزوق</span> <a href="#c">3 تعليقات</a></div>
<div class="author-bio"><img src="a.jpg" alt="صورة هند"><p>هند مدوّنة من جدة تحب القهوة والكتب.</p></div></div>
<div class="post-nav"><a href="/a">« تدوينة أقدم</a><a href="/b">تدوينة أحدث »</a></div>
<div class="comments" id="comments"><h4>3 تعليقات:</h4>{"".join(f"<div class='comment'>{one}</div>" for one in COMMENTS)}</div></div>
<div class="sidebar"><h2>الأرشيف</h2><ul>{links(["2024", "2023", "2022", "2021"])}</ul><h2>مدونات أتابعها</h2><ul>{links(LINKS)}</ul>
</div></body></html>"""


def write_manual(one: Original) -> str:
    tree = "".join(f"<li><a href='#'>{name}</a><ul>{links(LINKS[:3])}</ul></li>" for name in MENU[:6])
    return f"""<!DOCTYPE html><html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>{one.title} — دليل المستخدم</title></head>
<body><div class="wy-nav-side"><div role="search"><input type="text"></div><div class="toctree"><ul>{tree}</ul></div></div>
<section class="wy-nav-content-wrap"><div role="navigation" aria-label="breadcrumbs"><ul>{links(["الدليل", "مقدمة"])}</ul></div>
<div role="main" class="document"><div itemprop="articleBody"><section id="s"><h1>{one.title}<a class="headerlink" href="#s">¶</a></h1>
{one.body}</section></div></div><footer><div role="contentinfo"><p>© 2024، فريق التوثيق.</p></div>بُنيت بأداة التوثيق.</footer>
</section></body></html>"""


def write_notice(one: Original) -> str:
    short = one.body
    return f"""<!DOCTYPE html><html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>{one.title}</title></head><body>
<ul class="mega-menu">{links(MENU * 3)}</ul><div class="slider">{links(LINKS, "div")}</div>
<div class="container"><div class="row"><div class="col-9"><div class="news-details"><h3>{one.title}</h3>{short}</div></div>
<div class="col-3"><h4>أخبار ذات صلة</h4>{links(LINKS, "div")}</div></div></div>
<div class="footer-links"><ul>{links(MENU * 2)}</ul></div><div class="copyright">© هيئة المياه</div></body></html>"""


def write_application(one: Original) -> str:
    body = "".join(
        f'<div role="heading" class="x{at}">{text}</div>'
        if tag == "h2"
        else f'<div class="x{at}"><span>{text}</span></div>'
        for at, (tag, text) in enumerate(one.blocks)
    )
    return f"""<!DOCTYPE html><html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>{one.title}</title>
<script>window.__STATE__ = {{"user": null, "menu": ["a", "b"]}};</script></head><body><div id="root">
<div class="css-1"><div class="css-2" role="navigation">{links(MENU, "div")}</div><main class="css-3"><h1>{one.title}</h1>{body}</main>
<div class="css-4" role="dialog" aria-hidden="true" style="display:none"><div>اشترك في النشرة البريدية لتصلك آخر الأخبار</div></div>
<div class="css-5" role="complementary">{links(LINKS, "div")}</div></div></div><noscript>فعّل جافاسكربت من فضلك.</noscript></body></html>"""


def write_magazine(one: Original) -> str:
    parts = []
    for at, (tag, text) in enumerate(one.blocks):
        parts.append(f"<{tag}>{text}</{tag}>")
        if at % 3 == 1:
            parts.append(
                '<div class="ad-slot advertisement"><span>إعلان</span><a href="/ad">اشتر الآن بنصف السعر</a></div>'
            )
        if at == 3:
            parts.append(
                '<aside class="newsletter-signup"><p>اشترك في نشرتنا الأسبوعية</p><form><input type="email">'
                "<button>اشترك</button></form></aside>"
            )
    return f"""<!DOCTYPE html><html lang="ar" dir="rtl"><head><meta charset="iso-8859-6"><title>{one.title}</title></head><body>
<header><nav>{links(MENU, "span")}</nav></header><article><h1>{one.title}</h1>{"".join(parts)}</article>
<section class="recommended"><h2>قد يعجبك أيضًا</h2>{links(LINKS, "div")}</section><footer><p>{COOKIES}</p></footer></body></html>"""


MAKES: dict[str, tuple[str, str, Callable[[Original], str]]] = {
    "news": ("hejaz-railway", "utf-8", write_news),
    "encyclopedia": ("ibn-al-haytham", "utf-8", write_encyclopedia),
    "nested-tables": ("house-of-wisdom", "cp1256", write_nested_tables),
    "government": ("bakery-licence", "utf-8", write_government),
    "questions": ("university-admission", "utf-8", write_questions),
    "blog": ("arabic-coffee", "utf-8", write_blog),
    "manual": ("gpu-explained", "utf-8", write_manual),
    "notice": ("water-authority-notice", "utf-8", write_notice),
    "application": ("dead-sea", "utf-16", write_application),
    "magazine": ("honey-bees", "iso-8859-6", write_magazine),
}
"""The article, the encoding and the make of each page."""
INSTEAD = str.maketrans("٠١٢٣٤٥٦٧٨٩٪“”’–—«»…", '0123456789%""\'--"".')
"""Of what Windows-1256 and ISO-8859-6 lack."""


def build_pages() -> list[Page]:
    pages = []
    for name, (article, encoding, write) in MAKES.items():
        one = read_original(article)
        if not encoding.startswith("utf"):
            fit = [(tag, fit_text(text, encoding)) for tag, text in one.blocks]
            one = Original(fit_text(one.title, encoding), fit)
        content = write(one).encode(encoding, "xmlcharrefreplace")
        pages.append(Page(name, content, one.title, "\n".join([one.title, *one.paragraphs])))
    return pages


def fit_text(text: str, encoding: str) -> str:
    return text.translate(INSTEAD).encode(encoding, "ignore").decode(encoding)


def main() -> None:
    folder = Path(sys.argv[1])
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for page in build_pages():
        (folder / f"{page.name}.html").write_bytes(page.content)
        truth = json.dumps({"title": page.title, "text": page.text}, ensure_ascii=False)
        (folder / "truth" / f"{page.name}.json").write_text(truth, "utf-8")


if __name__ == "__main__":
    main()
