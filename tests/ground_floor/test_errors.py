"""The text of an error for the user is safe for a terminal, whatever it quotes."""

from scripts.classifier.errors import UserError


def test_a_quoted_name_cannot_break_the_line_or_colour_it():
    assert str(UserError("a\nb\x1b[31m.jpg is no photo: é")) == r"a\nb\x1b[31m.jpg is no photo: é"
    assert str(UserError(UserError("a\nb"))) == r"a\nb"
