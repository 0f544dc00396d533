"""What the tools give, as the schemas that the protocol tells clients of."""

from pydantic import BaseModel, Field

from rag.types import Answer, Article, Citation, Hit, Language, Page
from ui.page.addresses import article_address

# The descriptions are for the model that calls the tools.


class Passage(BaseModel):
    """Words of an article, exactly as it has them: `article.text[start:end]`, in code points."""

    article_id: str
    title: str
    url: str | None = Field(description="Where the article was published")
    page: str | None = Field(description="Page of the document that the words begin on, as the document calls it")
    section: list[str] = Field(description="Headings that the words stand beneath, the outermost first")
    quote: str = Field(description="The exact words")
    start: int
    end: int
    is_ocr: bool = Field(description="The words were read from a picture: letters and digits may be wrong")
    address: str | None = Field(description="Opens the article at these words in Dalil's page")


class CitedPassage(Passage):
    """A citation of an answer: the passage that the marker `[number]` in its text stands for."""

    number: int
    verdict: str = Field(description="verbatim, supported or unverified: how far it bears the statement out")


class FoundPassage(Passage):
    """A passage that was found for a query."""

    score: float = Field(description="Orders the passages of one query, and says nothing across queries")


class CitedAnswer(BaseModel):
    """An answer in which each statement carries a marker `[n]`, the number of one of `citations`."""

    text: str
    language: Language
    state: str = Field(description="answered, unsure, refused (the articles hold no answer) or talk")
    confidence: float | None = Field(description="Probability that the articles hold the answer")
    direct_answer: str | None = Field(description="The few words that answer, where they are sure enough")
    is_degraded: bool = Field(description="The language model failed, and the articles' own sentences stand in for it")
    citations: list[CitedPassage]


class FoundPassages(BaseModel):
    """Passages, the best first, and the probability that they hold an answer."""

    passages: list[FoundPassage]
    probability: float


class ArticleEntry(BaseModel):
    """An article in a list."""

    article_id: str
    title: str
    language: Language
    date: str | None
    topic: str | None
    url: str | None
    address: str | None = Field(description="Opens the article in Dalil's page")


class ArticleEntries(BaseModel):
    """A part of the list of articles, the last written first, and how many there are in all."""

    articles: list[ArticleEntry]
    total: int


class ArticleExcerpt(ArticleEntry):
    """The code points `start` to `end` of an article's text, which has `length` of them."""

    text: str
    start: int
    end: int
    length: int


class PageAddresses:
    """Makes the addresses of articles on the page.

    Parameters
    ----------
    base_url : str or None
        Of the site, with a slash at its end; None: there is no page to lead to.
    """

    def __init__(self, base_url: str | None) -> None:
        self._base_url = base_url

    def find(self, article_id: str, language: str, start: int = 0, end: int = 0) -> str | None:
        """What opens an article, at some words where they are given, on the page of a language."""
        if self._base_url is None:
            return None
        return f"{self._base_url}{language}/{article_address(article_id, start, end)}"


def to_cited_answer(answer: Answer, addresses: PageAddresses) -> CitedAnswer:
    """An answer as the tool gives it."""
    return CitedAnswer(
        text=answer.text,
        language=answer.language,
        state=answer.state,
        confidence=answer.confidence,
        direct_answer=answer.answer.text if answer.answer else None,
        is_degraded=answer.degraded,
        citations=[_to_cited(one, answer.language, addresses) for one in answer.citations],
    )


def _to_cited(citation: Citation, language: Language, addresses: PageAddresses) -> CitedPassage:
    return CitedPassage(
        number=citation.number,
        article_id=citation.article_id,
        title=citation.title,
        url=citation.url,
        page=_name_page(citation.page),
        section=list(citation.section),
        quote=citation.quote,
        start=citation.start,
        end=citation.end,
        is_ocr=citation.ocr,
        address=addresses.find(citation.article_id, language, citation.start, citation.end),
        verdict=citation.verdict,
    )


def to_found_passage(hit: Hit, language: Language, addresses: PageAddresses) -> FoundPassage:
    """A hit as the tool gives it."""
    return FoundPassage(
        article_id=hit.article.id,
        title=hit.article.title,
        url=hit.article.url,
        page=_name_page(hit.page),
        section=list(hit.section),
        quote=hit.text,
        start=hit.start,
        end=hit.end,
        is_ocr=hit.ocr,
        address=addresses.find(hit.article.id, language, hit.start, hit.end),
        score=hit.score,
    )


def to_excerpt(article: Article, start: int, end: int, addresses: PageAddresses) -> ArticleExcerpt:
    """A part of an article as the tool gives it."""
    return ArticleExcerpt(
        article_id=article.id,
        title=article.title,
        language=article.language,
        date=article.date,
        topic=article.topic,
        url=article.url,
        address=addresses.find(article.id, article.language, start, end if start else 0),
        text=article.text[start:end],
        start=start,
        end=end,
        length=len(article.text),
    )


def _name_page(page: Page | None) -> str | None:
    return (page.label or str(page.number)) if page else None
