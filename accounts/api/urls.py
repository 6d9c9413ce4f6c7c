"""Addresses of the API, relative to /api/."""

from accounts.api import keys, people, views
from config.api.routing import both

urlpatterns = [
    *both("auth/signup", views.Signup.as_view(), "signup"),
    *both("auth/login", views.Login.as_view(), "login"),
    *both("auth/refresh", views.Refresh.as_view(), "refresh"),
    *both("auth/logout", views.Logout.as_view(), "logout"),
    *both("auth/me", views.Me.as_view(), "me"),
    *both("auth/password", views.Password.as_view(), "password"),
    *both("auth/ws-ticket", views.WsTicket.as_view(), "ws-ticket"),
    *both("auth/api-keys", keys.ApiKeys.as_view(), "api-keys"),
    *both("auth/api-keys/<int:key_id>", keys.ApiKeyDetail.as_view(), "api-key"),
    *both("users", people.Users.as_view(), "users"),
    *both("users/<int:user_id>", people.UserDetail.as_view(), "user"),
    *both("users/<int:user_id>/password", people.UserPassword.as_view(), "user-password"),
    *both("groups", people.Groups.as_view(), "groups"),
    *both("groups/<int:group_id>", people.GroupDetail.as_view(), "group"),
]
