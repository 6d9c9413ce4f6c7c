"""Signing in and out over the API."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services, tickets, tokens
from accounts.api.serializers import (
    LoginInput,
    LoginSerializer,
    PairSerializer,
    PasswordInput,
    RefreshInput,
    SignupInput,
    TicketSerializer,
    UserSerializer,
)
from accounts.permissions import caller


class Anonymous(APIView):
    """For who has no token yet, or an old one that must not be in the way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class Signup(Anonymous):
    """Create one's own account."""

    @extend_schema(request=SignupInput, responses={201: UserSerializer})
    def post(self, request: Request) -> Response:
        body = SignupInput(data=request.data)
        body.is_valid(raise_exception=True)
        user = services.signup(request=request, **body.validated_data)
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)


class Login(Anonymous):
    """Exchange e-mail and password for a pair of tokens."""

    @extend_schema(request=LoginInput, responses=LoginSerializer)
    def post(self, request: Request) -> Response:
        body = LoginInput(data=request.data)
        body.is_valid(raise_exception=True)
        user = services.sign_in(request=request, **body.validated_data)
        return Response({**tokens.issue(user), "token_type": "bearer", "user": UserSerializer(user).data})


class Refresh(Anonymous):
    """Exchange a refresh token for a new pair; the old one is spent."""

    @extend_schema(request=RefreshInput, responses=PairSerializer)
    def post(self, request: Request) -> Response:
        body = RefreshInput(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(tokens.refresh(body.validated_data["refresh"]))


class Logout(APIView):
    """Spend a refresh token."""

    @extend_schema(request=RefreshInput, responses={204: None})
    def post(self, request: Request) -> Response:
        body = RefreshInput(data=request.data)
        body.is_valid(raise_exception=True)
        tokens.revoke(body.validated_data["refresh"], user=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Me(APIView):
    """Who I am."""

    api_key_methods = ("GET",)

    @extend_schema(responses=UserSerializer)
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(caller(request)).data)


class Password(APIView):
    """Change one's own password. Every token and session ends; the answer is a fresh pair."""

    @extend_schema(request=PasswordInput, responses=PairSerializer)
    def post(self, request: Request) -> Response:
        body = PasswordInput(data=request.data)
        body.is_valid(raise_exception=True)
        user = services.password_change(request=request, user=caller(request), **body.validated_data)
        return Response(tokens.issue(user))


class WsTicket(APIView):
    """A ticket that opens one socket within a minute."""

    @extend_schema(request=None, responses=TicketSerializer)
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, tokens.Credential):
            ticket, seconds = tickets.issue(caller(request), expires=request.auth.expires)
        else:
            ends = request.session.get_expiry_date().timestamp()
            key = request.session.session_key or ""
            ticket, seconds = tickets.issue(caller(request), expires=ends, session_key=key)
        return Response({"ticket": ticket, "expires_in": seconds})
