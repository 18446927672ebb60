"""The HTTP paths: the API's, and the operators' admin."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/api/")),
    path("api/", include("parking.api.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "parking.api.exceptions.bad_request"
handler403 = "parking.api.exceptions.permission_denied"
handler404 = "parking.api.exceptions.page_not_found"
handler500 = "parking.api.exceptions.server_error"
