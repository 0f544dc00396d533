"""A reader's own conversations over HTTP, where the server keeps them: list, read, export, delete."""

from fastapi import APIRouter, Request

from rag.errors import NotFoundError
from ui.api.access import owner_of
from ui.api.conversations import ConversationStore
from ui.api.schemas import (
    ConversationExport,
    ConversationItem,
    ConversationList,
    ConversationRemoval,
    StoredConversation,
)
from ui.api.service import AnswerService


def build_conversation_routes(service: AnswerService) -> APIRouter:
    """The routes over a service; each is about the conversations of the key that a request carries."""
    router = APIRouter(tags=["conversations"])

    def find_store() -> ConversationStore:
        if service.conversations is None:
            raise NotFoundError("The server keeps no conversations: DALIL_KEEP_CONVERSATIONS is not set.")
        return service.conversations

    @router.get("/v1/conversations", summary="List your conversations")
    def list_conversations(request: Request) -> ConversationList:
        """The conversations of the key that this request carries, the one that was asked in last first."""
        kept = find_store().list_conversations(owner_of(request.scope))
        items = [ConversationItem(id=one.id, name=one.name, asked_at=one.asked_at) for one in kept]
        return ConversationList(data=items)

    @router.get("/v1/conversations/export", summary="Export your conversations")
    def export_conversations(request: Request) -> ConversationExport:
        """All of them with questions, answers and citations, as the page saves them."""
        kept = find_store().read_all(owner_of(request.scope))
        return ConversationExport(data=[StoredConversation(**one) for one in kept])

    @router.get("/v1/conversations/{conversation_id}", summary="Read one of your conversations")
    def read_conversation(conversation_id: str, request: Request) -> StoredConversation:
        """One of them with questions, answers and citations."""
        return StoredConversation(**find_store().read(owner_of(request.scope), conversation_id))

    @router.delete("/v1/conversations/{conversation_id}", summary="Delete one of your conversations")
    def delete_conversation(conversation_id: str, request: Request) -> ConversationRemoval:
        """Delete one of them."""
        if not find_store().delete(owner_of(request.scope), conversation_id):
            raise NotFoundError(f"There is no conversation with the id {conversation_id!r}.")
        return ConversationRemoval(removed=1)

    @router.delete("/v1/conversations", summary="Delete all your conversations")
    def delete_conversations(request: Request) -> ConversationRemoval:
        """Delete all conversations of the key that this request carries."""
        return ConversationRemoval(removed=find_store().delete_all(owner_of(request.scope)))

    return router
