"""Who is asking: the session cookie, with CSRF."""

from rest_framework import authentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from parking.models import User


class SessionAuthentication(authentication.SessionAuthentication):
    """DRF's, but somebody who is not signed in is answered 401 instead of 403."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"


def signed_in(request: Request) -> User:
    """The person who asks. Raises NotAuthenticated, should a view be open that must not be."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
