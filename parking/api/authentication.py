"""Who is asking: the session cookie, with CSRF, or else a device's token."""

from django.db.models.functions import Now
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from parking.models import DeviceToken, User


class SessionAuthentication(authentication.SessionAuthentication):
    """DRF's, but somebody who is not signed in is answered 401 instead of 403."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"


class TokenAuthentication(KnoxAuthentication):
    """`Authorization: Bearer …`, read by Knox; looked up by its digest, and nothing is written."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, DeviceToken]:
        """The person and the token's row. Raises AuthenticationFailed, whatever is wrong with it."""
        # Any bytes can be read as Latin-1; none but a token's own have its digest.
        digest = hash_token(token.decode("latin-1"))
        good = DeviceToken.objects.filter(digest=digest, expiry__gt=Now(), user__is_active=True)
        found = good.select_related("user").first()
        if found is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return found.user, found


def signed_in(request: Request) -> User:
    """The person who asks. Raises NotAuthenticated, should a view be open that must not be."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
