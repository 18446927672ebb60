"""The API's paths, a line each."""

from django.urls import path

from parking.api import accounts, bookings, health, index, lots, tokens

urlpatterns = [
    path("", index.Index.as_view()),
    path("auth/register/", accounts.Register.as_view()),
    path("auth/login/", accounts.Login.as_view()),
    path("auth/logout/", accounts.Logout.as_view()),
    path("auth/me/", accounts.Me.as_view()),
    path("auth/password/", accounts.Password.as_view()),
    path("auth/token/", tokens.Issue.as_view()),
    path("auth/tokens/", tokens.Tokens.as_view()),
    path("auth/tokens/<int:pk>/", tokens.OneToken.as_view()),
    path("lots/", lots.Lots.as_view()),
    path("lots/<int:pk>/", lots.OneLot.as_view()),
    path("bookings/", bookings.Bookings.as_view()),
    path("bookings/<int:pk>/", bookings.OneBooking.as_view()),
    path("bookings/<int:pk>/renew/", bookings.Renew.as_view()),
    path("bookings/<int:pk>/extend/", bookings.Extend.as_view()),
    path("bookings/<int:pk>/cancel/", bookings.Cancel.as_view()),
    path("bookings/<int:pk>/decline/", bookings.Decline.as_view()),
    path("health/live/", health.Live.as_view()),
    path("health/ready/", health.Ready.as_view()),
]
