"""Addresses of the pages."""

from accounts import views
from config.api.routing import both

urlpatterns = [
    *both("signin", views.signin, "signin"),
    *both("signup", views.signup, "signup-page"),
    *both("signout", views.signout, "signout"),
    *both("account", views.account, "account"),
    *both("users", views.users, "users-page"),
    *both("groups", views.groups, "groups-page"),
]
