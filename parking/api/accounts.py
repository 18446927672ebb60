"""Accounts: register, sign in, sign out, who am I."""

from typing import Any, ClassVar

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordError
from django.middleware.csrf import get_token
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.api.authentication import SessionAuthentication
from parking.api.fields import Strict
from parking.models import User


class WrongCredentials(exceptions.APIException):
    """The same answer for an unknown name and a wrong password."""

    status_code = 401
    default_code = "wrong_credentials"
    default_detail = "The name or the password is wrong."


class Account(serializers.ModelSerializer[User]):
    """A person as they see themselves."""

    class Meta:
        model = User
        fields: ClassVar = ["id", "username", "role", "is_staff"]


class Registration(Strict, serializers.ModelSerializer[User]):
    """What it takes to register."""

    password = serializers.CharField(max_length=128, trim_whitespace=False)

    class Meta:
        model = User
        fields: ClassVar = ["username", "password", "role"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        person = User(username=attrs["username"])
        try:
            validate_password(attrs["password"], person)
        except PasswordError as error:
            raise serializers.ValidationError({"password": error.messages}) from error
        return attrs


class Credentials(Strict):
    """What it takes to sign in."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class Door(APIView):
    """A view for people who are not signed in. It checks CSRF, which DRF does only for those who are."""

    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            SessionAuthentication().enforce_csrf(request)


class Register(Door):
    """Make an account and sign in."""

    def post(self, request: Request) -> Response:
        registration = Registration(data=request.data)
        registration.is_valid(raise_exception=True)
        user = User.objects.create_user(**registration.validated_data)
        login(request._request, user)
        return Response(who(request, user), 201)


class Login(Door):
    """Sign in."""

    def post(self, request: Request) -> Response:
        credentials = Credentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(request._request, **credentials.validated_data)
        if user is None:
            raise WrongCredentials
        login(request._request, user)
        return Response(who(request, user))


class Logout(APIView):
    """Sign out."""

    def post(self, request: Request) -> Response:
        logout(request._request)
        return Response(status=204)


class Me(Door):
    """Who is asking (`user` is null for nobody), and the CSRF token for what they ask next."""

    def get(self, request: Request) -> Response:
        return Response(who(request, request.user))


def who(request: Request, user: Any) -> dict[str, Any]:
    """What `me` answers, for this user."""
    return {
        "user": Account(user).data if user.is_authenticated else None,
        "csrf_token": get_token(request._request),
    }
