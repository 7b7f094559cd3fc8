"""The models the service offers."""

from __future__ import annotations

from ..wire.codec import decode
from ..wire.endpoint import Operation, url_for
from ..wire.model import ListModelsResponse, Model, model_resource
from .service import Attempt, Service

__all__ = ("Models",)

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
        while True:
            page = await self._page(token)
            models.extend(page.models)
            token = page.next_page_token
            if not token:
                return models

    async def get(self, model: str) -> Model:
        """Return one model; raises NotFound, and InvalidRequest for a name that cannot be one."""
        url = self._url(Operation.GET_MODEL, model=model_resource(model))
        return decode(await self._fetch(url), Model)

    async def _page(self, token: str | None) -> ListModelsResponse:
        query = {"pageSize": str(_PAGE_SIZE), **({"pageToken": token} if token else {})}
        return decode(
            await self._fetch(self._url(Operation.LIST_MODELS, query=query)), ListModelsResponse
        )

    async def _fetch(self, url: str) -> bytes:
        async def once(attempt: Attempt) -> bytes:
            return (await self._service.call("GET", url, b"", attempt)).body

        body, _ = await self._service.attempts(once, self._service.settings.timeouts)
        return body

    def _url(
        self,
        operation: Operation,
        *,
        model: str | None = None,
        query: dict[str, str] | None = None,
    ) -> str:
        settings = self._service.settings
        return url_for(settings.base_url, settings.api_version, operation, model=model, query=query)
