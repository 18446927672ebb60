"""Who is asking: the session cookie, with CSRF."""

from rest_framework import authentication
from rest_framework.request import Request


class SessionAuthentication(authentication.SessionAuthentication):
    """DRF's, but somebody who is not signed in is answered 401 instead of 403."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"
