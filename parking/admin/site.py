"""The name over every page of the admin."""

from django.contrib import admin

admin.site.site_header = "ParkMate operations"
admin.site.site_title = "ParkMate operations"
admin.site.index_title = "Operations"
