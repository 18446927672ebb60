"""The HTTP paths: the web client's, the API's, and the operators' admin."""

from django.contrib import admin
from django.urls import include, path, re_path

from parkmate import client

urlpatterns = [
    re_path(client.PATTERN, client.page),
    path("service-worker.js", client.service_worker),
    path("api/", include("parking.api.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "parking.api.exceptions.bad_request"
handler403 = "parking.api.exceptions.permission_denied"
handler404 = "parking.api.exceptions.page_not_found"
handler500 = "parking.api.exceptions.server_error"
