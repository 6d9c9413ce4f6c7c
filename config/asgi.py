"""The ASGI application: HTTP to Django, sockets to the consumers, start and end to the chat engine."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

from django.core.asgi import get_asgi_application

from config.api.body_limit import BodyLimit, spool_to_data_disk
from config.memory import leave_out, return_early

leave_out()
return_early()
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from accounts.ws_auth import SocketAuth  # noqa: E402
from chat.consumers import ChatConsumer  # noqa: E402
from chat.lifespan import Lifespan  # noqa: E402
from config.sockets import no_such_socket  # noqa: E402
from documents.consumers import DocumentsConsumer  # noqa: E402
from documents.uploads.pieces import Pieces  # noqa: E402

spool_to_data_disk()
http = BodyLimit(Pieces(django_application))  # type: ignore[arg-type]

sockets = SocketAuth(
    URLRouter(
        [
            re_path(r"^api/chat/ws/?$", ChatConsumer.as_asgi()),
            re_path(r"^api/documents/ws/?$", DocumentsConsumer.as_asgi()),
            re_path(r"", no_such_socket),  # type: ignore[arg-type]
        ]
    )
)

application = ProtocolTypeRouter({"http": http, "websocket": sockets, "lifespan": Lifespan()})
