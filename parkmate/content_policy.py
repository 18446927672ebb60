"""What a page may load and run: our own files and nothing else, so that no text can become a program."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

Answer = HttpResponseBase
GetResponse = Callable[[HttpRequest], Answer] | Callable[[HttpRequest], Awaitable[Answer]]

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# Swagger's page brings styles of its own inside it.
DOCUMENTATION = {**STRICT, "style-src": "'self' 'unsafe-inline'"}
HEADER = "Content-Security-Policy"


class ContentPolicyMiddleware:
    """Puts the policy on every answer."""

    async_capable = True
    sync_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer | Awaitable[Answer]:
        answer = self.get_response(request)
        if isinstance(answer, HttpResponseBase):
            return _with_policy(request, answer)
        return self._later(request, answer)

    async def _later(self, request: HttpRequest, coming: Awaitable[Answer]) -> Answer:
        return _with_policy(request, await coming)


def _with_policy(request: HttpRequest, answer: Answer) -> Answer:
    policy = DOCUMENTATION if request.path == "/api/docs/" else STRICT
    answer.headers[HEADER] = "; ".join(f"{name} {value}" for name, value in policy.items())
    return answer
