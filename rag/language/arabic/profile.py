"""The rules of Arabic."""

import re

from rag.language.arabic.letters import BLOCK_CLASS, FOLDED_LETTER_CLASS, LETTER_CLASS
from rag.language.arabic.mentions import NAME_PARTICLES, find_mentions
from rag.language.arabic.phonetics import name_forms, skeleton
from rag.language.arabic.stemming import stem
from rag.language.normalize import fold_text
from rag.language.profile import LanguageProfile

_FUNCTION_WORDS = (
    "من ما ماذا متى أين كم كيف لماذا هل أي أية لم لا لن إن أن كان كانت يكون تكون هو هي هم هذا هذه ذلك تلك "
    "الذي التي الذين في على إلى عن مع بين عند بعد قبل منذ حتى كل بعض غير و أو ثم قد لقد عليه عليها فيه فيها "
    "منه منها به بها له لها لهم التى كما لكن بل إذا حيث بسبب خلال ضمن حول نحو دون أثناء لدى إنه إنها مما عما "
    "بماذا لمن ممن بكم وما ومن وفي وهو وهي مين ايه فين امتى إمتى ليه ازاي إزاي شو شنو وين ليش قديش وش ايش "
    "علاش فاش شحال كيفاش منين شكون هاي اللي الي دي ده"
)
"""Of the standard language, and the question words of the dialects."""

_FOLLOW_UP = (
    r"^[وف](?=(?:متي|كم|من|ما|ماذا|اين|كيف|لماذا|هل|اي|الي|في|عن)\b)|^(?:طيب|وماذا)\b"
    r"|^(?:ما|شو|ايش|وش|ايه) (?:اسم|اسماء) ال\w+\W*$|^(?:ب?ماذا|ما) [يت]سمي ال\w+\W*$"
    r"|\b[وف]?ب?(?:هو|هي|هم|هما|هذا|هذه|ذلك|تلك|هولاء|هناك|منه|منها|فيه|فيها|عنه|عنها|له|لها|عليه|عليها|بها|به)\b"
)

ARABIC = LanguageProfile(
    code="ar",
    direction="rtl",
    letter_class=LETTER_CLASS,
    word_pattern=f"[{FOLDED_LETTER_CLASS}]+",
    word_ending_pattern="",
    function_words=frozenset(fold_text(_FUNCTION_WORDS).split()),
    negations=re.compile(r"(?:^|\s)[وف]?(?:لم|لن|ليس|ليست|ليسوا|لا|غير|دون|بلا|ابدا|مش|مو|ماكان)(?=\s|$)"),
    abbreviations=frozenset("هـ مج تر".split()),
    name_particles=NAME_PARTICLES,
    quotation_marks=("«", "»"),
    digits="٠١٢٣٤٥٦٧٨٩",
    list_separator="، ",
    stem=stem,
    skeleton=skeleton,
    name_forms=name_forms,
    find_mentions=find_mentions,
    render=str,
    spell_name=str,
    asks_whether=re.compile(r"[وف]?هل(?!\w)"),
    asks_time=re.compile(r"(?:^|\s)[وف]?(?:متي|امتي|ايمتي|وقتاش)(?:\s|$)|(?:اي|في) (?:سنه|عام|تاريخ)"),
    asks_quantity=re.compile(
        r"(?:^|\s)[وف]?(?:ب?كم|متي|امتي|قديش|شحال)(?:\s|$)|\b(?:عام|سنه|تاريخ|قرن|عدد|نسبه|مقدار)"
    ),
    asks_list=re.compile(
        r"^\W*[وف]?(?:(?:ما|شو|ايش|ايه|وش|شنو)(?: هي| هم)?|من هم|اذكر|عدد|اسرد|[بف]?كم)\s+"
        r"(?:(?:عدد|اسماء|انواع|اهم|ابرز|جميع|كل)\s+)*(?!(?:ال)?اسم\b)(\w+)\b(?!\s+الذي\b)"
    ),
    most=re.compile(
        r"(?<!\w)(?:ال|ب|بال)?(?:اعلي|اكبر|اكثر|اطول|اغلي|اثقل|اوسع|اعمق|اضخم|ابعد|كبري|عليا)(?:هم|ها|هن)?(?!\w)"
    ),
    least=re.compile(
        r"(?<!\w)(?:ال|ب|بال)?(?:اقل|ادني|اصغر|اقصر|ارخص|اخف|اضيق|اخفض|اقرب|صغري|دنيا)(?:هم|ها|هن)?(?!\w)"
    ),
    follow_up=re.compile(_FOLLOW_UP),
    follow_up_about=re.compile(r"(?:ماذا|ما|شو|ايش|ايه) عن(?!\w)"),
    question_types={
        "how many": r"ب?كم|عدد|نسبه|مقدار",
        "when": r"متي|تاريخ|عام|سنه",
        "where": r"اين",
        "why": r"لماذا|سبب",
        "how": r"كيف",
        "who": r"من|لمن",
        "which": r"اي|ايه",
        "what": r"ما|ماذا|بماذا",
    },
    embedded_run=re.compile(rf"[{BLOCK_CLASS}](?:[{BLOCK_CLASS}\s\d«»:.!()%'’–—-]*[{BLOCK_CLASS}»])?"),
)
