"""The models the service offers."""

from __future__ import annotations

from typing import TypeVar

from ..errors import ProtocolError
from ..policy.unary import read_message
from ..wire.codec import Message
from ..wire.endpoint import Operation
from ..wire.model import ListModelsResponse, Model
from .call import Call
from .service import Answered, Service

__all__ = ("Models",)

M = TypeVar("M", bound=Message)

# The service's largest page: https://ai.google.dev/api/models#method:-models.list.
_PAGE_SIZE = 1000


class Models:
    """``client.models``: lists and looks up models."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list(self) -> list[Model]:
        """Return all models the account can use, whatever number of pages they take."""
        models: list[Model] = []
        token: str | None = None
        seen: set[str | None] = set()
        while True:
            page = await self._page(token)
            models.extend(page.models)
            seen.add(token)
            token = page.next_page_token
            if not token:
                return models
            if token in seen:
                raise ProtocolError(f"the service gives page {token!r} of the models again")

    async def get(self, model: str) -> Model:
        """Return one model; raises NotFound, and InvalidRequest for a name that cannot be one."""
        resource = self._service.model_resource(model)
        return await self._fetch(self._service.url(Operation.GET_MODEL, model=resource), Model)

    async def _page(self, token: str | None) -> ListModelsResponse:
        query = {"pageSize": str(_PAGE_SIZE), **({"pageToken": token} if token else {})}
        url = self._service.url(Operation.LIST_MODELS, query=query)
        return await self._fetch(url, ListModelsResponse)

    async def _fetch(self, url: str, kind: type[M]) -> M:
        def read(answered: Answered) -> M:
            return read_message(answered.body, kind)

        call = Call(method="GET", url=url, body=b"", timeouts=self._service.settings.timeouts)
        answer, _ = await self._service.answer(call, read)
        return answer
