# Managed by the template; updates merge into this file.
"""Streams of `subscriptions/listen`."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import anyio
from mcp.server import subscriptions as sdk
from mcp.server.context import ServerRequestContext
from mcp_types import SubscriptionsListenRequestParams, SubscriptionsListenResult

from ..access.principal import current_principal
from ..calls.errors import CallRefused


class Subscriptions(sdk.ListenHandler):
    """Ends a stream with its result when the caller's token does: no stream outlives its authorization."""

    def __init__(self, bus: sdk.SubscriptionBus, max_subscriptions: int) -> None:
        super().__init__(bus, max_subscriptions=max_subscriptions)
        self._uris: Counter[str] = Counter()
        self.is_closed = False

    def close(self) -> None:
        """End every stream with its result, and let none begin that would hold up the end."""
        self.is_closed = True
        super().close()

    @property
    def open(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def everything(self) -> Iterable[sdk.ServerEvent]:
        """Events by which the open streams are told that all they listen to may have changed."""
        lists = (sdk.ToolsListChanged, sdk.PromptsListChanged, sdk.ResourcesListChanged)
        return [*(changed() for changed in lists), *map(sdk.ResourceUpdated, self._uris)]

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        if self.is_closed:
            raise CallRefused("stopping", 503, "The server stops: try again.")
        uris = Counter(params.notifications.resource_subscriptions or ())
        self._uris.update(uris)
        try:
            with anyio.move_on_after(max(0, current_principal().expires_at - time.time())):
                return await super().__call__(ctx, params)
        finally:
            self._uris -= uris
        return SubscriptionsListenResult(_meta={sdk.SUBSCRIPTION_ID_META_KEY: ctx.request_id})
