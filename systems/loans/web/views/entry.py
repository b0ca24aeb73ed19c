"""The doors: login and logout."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView

from web.access import with_policy
from web.forms import LoginForm

login = with_policy(
    LoginView.as_view(template_name="web/login.html", authentication_form=LoginForm, redirect_authenticated_user=True)
)
logout = with_policy(LogoutView.as_view())
