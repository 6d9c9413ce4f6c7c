"""Signing in, up and out, and one's own account, as forms."""

import pytest

from accounts.models import User
from tests.conftest import PASSWORD


def test_signing_in_leads_back_to_the_page_that_was_asked_for(member, page_for):
    client = page_for(None)
    assert 'name="next" value="/chat/"' in client.get("/signin?next=/chat/").content.decode()
    answer = client.post("/signin", {"email": member.email, "password": PASSWORD, "next": "/chat/"})
    assert answer.status_code == 302
    assert answer["Location"] == "/chat/"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_signing_in_never_leads_to_another_site(member, page_for, target):
    answer = page_for(None).post("/signin", {"email": member.email, "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_a_wrong_password_is_refused_in_words_and_keeps_the_address_typed(member, page_for):
    answer = page_for(None).post("/signin", {"email": member.email, "password": "wrong"})
    text = answer.content.decode()
    assert answer.status_code == 401
    assert "The e-mail or the password is wrong." in text
    assert member.email in text
    assert "wrong" not in text.split('name="password"')[1].split(">")[0]


def test_the_sign_in_form_needs_its_csrf_token(member, page_for):
    client = page_for(None, enforce_csrf_checks=True)
    answer = client.post("/signin", {"email": member.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert "That form had grown old" in answer.content.decode()


def test_signing_up_makes_a_plain_user_and_signs_him_in(db, page_for):
    client = page_for(None)
    form = {"email": "New@Example.com", "password": PASSWORD, "full_name": "Nina New", "role": "admin"}
    assert client.post("/signup", form).status_code == 302
    user = User.objects.get(email="new@example.com")
    assert user.role == "user"
    assert "Nina New" in client.get("/").content.decode()


def test_a_weak_password_is_explained_beside_its_field(db, page_for):
    answer = page_for(None).post("/signup", {"email": "new@example.com", "password": "password12"})
    assert answer.status_code == 400
    text = answer.content.decode()
    assert "too common" in text
    assert 'aria-describedby="error-password password-help"' in text
    assert 'id="error-password"' in text
    assert not User.objects.filter(email="new@example.com").exists()


def test_sign_up_can_be_switched_off(db, page_for, settings):
    settings.SIGNUP_ENABLED = False
    assert page_for(None).post("/signup", {"email": "a@example.com", "password": PASSWORD}).status_code == 403
    assert "/signup" not in page_for(None).get("/signin").content.decode()
    assert not User.objects.exists()


def test_signing_out_needs_a_post_and_ends_the_session(member, page_for):
    client = page_for(member)
    assert client.get("/signout").status_code == 405
    assert client.post("/signout").status_code == 302
    assert client.get("/").status_code == 302


def test_changing_the_password_ends_other_sessions_and_keeps_this_one(member, page_for):
    here, elsewhere = page_for(member), page_for(member)
    form = {"current_password": PASSWORD, "new_password": "another-long-passphrase"}
    assert here.post("/account", form).status_code == 302
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


def test_a_wrong_current_password_changes_nothing(member, page_for):
    form = {"current_password": "no", "new_password": "another-long-passphrase"}
    answer = page_for(member).post("/account", form)
    assert answer.status_code == 400
    assert "not your current password" in answer.content.decode()
    member.refresh_from_db()
    assert member.check_password(PASSWORD)


def test_names_are_shown_as_text_whatever_they_hold(member, page_for):
    client = page_for(member)
    client.post("/account", {"full_name": "<script>alert(1)</script>"})
    text = client.get("/").content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;" in text
