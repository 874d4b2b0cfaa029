# Managed by the template; updates merge into this file.
"""Streams of `subscriptions/listen`."""

import time
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY, ListenHandler
from mcp_types import SubscriptionsListenRequestParams, SubscriptionsListenResult

from .principal import current_principal


class Subscriptions(ListenHandler):
    """Ends a stream with its result when the caller's token does: no stream outlives its authorization."""

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        with anyio.move_on_after(max(0, current_principal().expires_at - time.time())):
            return await super().__call__(ctx, params)
        return SubscriptionsListenResult(_meta={SUBSCRIPTION_ID_META_KEY: ctx.request_id})
