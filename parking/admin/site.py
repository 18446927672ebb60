"""What every page of the admin has around it."""

from django.contrib import admin

admin.site.site_header = "ParkMate operations"
admin.site.site_title = "ParkMate operations"
admin.site.index_title = "Operations"
# The lists need the width; the front page has the same links.
admin.site.enable_nav_sidebar = False
