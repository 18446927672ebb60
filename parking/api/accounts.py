"""Accounts: register, sign in, sign out, who am I, another password."""

from typing import Any, ClassVar

from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordError
from django.db import IntegrityError, models
from django.middleware.csrf import get_token
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.actions.accounts import change_password, revoke_token
from parking.api.authentication import SessionAuthentication, signed_in
from parking.api.fields import CharField, Strict
from parking.api.requests import no_body
from parking.api.schema import answers, takes
from parking.errors import WrongCredentials
from parking.models import DeviceToken, User

# Who has just registered has proved nothing to a backend; this one knows the account.
BACKEND = "django.contrib.auth.backends.ModelBackend"


class Account(serializers.ModelSerializer[User]):
    """A person as they see themselves."""

    class Meta:
        model = User
        fields: ClassVar = ["id", "username", "role", "is_staff"]
        read_only_fields = fields


class Who(serializers.Serializer[Any]):
    """Who is asking, and the CSRF token for what they ask next."""

    user = Account(allow_null=True)
    csrf_token = serializers.CharField()


class Registration(Strict, serializers.ModelSerializer[User]):
    """What it takes to register."""

    # A name is text: not the digits of a number.
    serializer_field_mapping: ClassVar = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: CharField,
    }
    password = CharField(max_length=128, trim_whitespace=False)

    class Meta:
        model = User
        fields: ClassVar = ["username", "password", "role"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        require_fit(attrs["password"], person=User(username=attrs["username"]), field="password")
        return attrs


class Credentials(Strict):
    """What it takes to sign in."""

    username = CharField(max_length=150)
    password = CharField(max_length=128, trim_whitespace=False)

    def validate_username(self, name: str) -> str:
        """In the spelling in which names are registered."""
        return str(User.normalize_username(name))


class PasswordChange(Strict):
    """What it takes to set another password."""

    old_password = CharField(max_length=128, trim_whitespace=False)
    new_password = CharField(max_length=128, trim_whitespace=False)


class Door(APIView):
    """A view for people who are not signed in. It checks CSRF, which DRF does only for those who are."""

    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            SessionAuthentication().enforce_csrf(request)


class Register(Door):
    """Make an account and sign in."""

    @takes(
        Registration,
        answers=Who,
        status=201,
        example={"username": "dina", "password": "a long passphrase", "role": "driver"},
    )
    def post(self, request: Request) -> Response:
        registration = Registration(data=request.data)
        registration.is_valid(raise_exception=True)
        try:
            user = User.objects.create_user(**registration.validated_data)
        except IntegrityError as error:
            # Somebody else registered it between the look and the write.
            raise serializers.ValidationError({"username": ["This name is taken."]}) from error
        login(request._request, user, backend=BACKEND)
        return Response(who(request, user), 201)


class Login(Door):
    """Sign in."""

    @takes(Credentials, answers=Who, example={"username": "dina", "password": "a long passphrase"})
    def post(self, request: Request) -> Response:
        credentials = Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = prove(request, **credentials.validated_data)
        login(request._request, user)
        return Response(who(request, user))


class Logout(APIView):
    """Sign out. A token that was used for it is revoked."""

    @takes(None, answers=None, status=204)
    def post(self, request: Request) -> Response:
        no_body(request)
        if isinstance(request.auth, DeviceToken):
            revoke_token(request.auth.pk, by=signed_in(request))
        logout(request._request)
        return Response(status=204)


class Me(Door):
    """Who is asking (`user` is null for nobody), and the CSRF token for what they ask next."""

    @answers(Who)
    def get(self, request: Request) -> Response:
        return Response(who(request, request.user))


class Password(APIView):
    """Set another password. The session that asks stays; the others and all tokens end."""

    @takes(PasswordChange, answers=None, status=204)
    def post(self, request: Request) -> Response:
        change = PasswordChange(data=request.data)
        change.is_valid(raise_exception=True)
        user, new = signed_in(request), change.validated_data["new_password"]
        require_fit(new, person=user, field="new_password")
        try:
            user = prove(request, user.username, change.validated_data["old_password"])
        except WrongCredentials as error:
            raise serializers.ValidationError({"old_password": ["This is not your password."]}) from error
        user = change_password(user, new=new)
        if request.auth is None:
            update_session_auth_hash(request._request, user)
        return Response(status=204)


def prove(request: Request, username: str, password: str) -> User:
    """The person with this name and password. Raises WrongCredentials.

    While the account or the address is locked that too, but the middleware answers 429 in its place.
    """
    user = authenticate(request._request, username=username, password=password)
    if not isinstance(user, User):
        raise WrongCredentials
    return user


def require_fit(password: str, *, person: User, field: str) -> None:
    """Raises ValidationError for a password that is easily guessed."""
    try:
        validate_password(password, person)
    except PasswordError as error:
        raise serializers.ValidationError({field: error.messages}) from error


def who(request: Request, user: Any) -> dict[str, Any]:
    """What `me` answers, for this user."""
    return {
        "user": Account(user).data if user.is_authenticated else None,
        "csrf_token": get_token(request._request),
    }
