import pytest

from walkprint.core.errors import RecipeError
from walkprint.core.share import parse_share, share_of


def test_shares_hold_everything_once():
    items = list("abcdefg")
    shares = [share_of(items, parse_share(f"{i}/3")) for i in range(3)]
    assert shares[0] == ["a", "d", "g"]
    assert sorted(item for share in shares for item in share) == items


@pytest.mark.parametrize("text", ["", "2", "2/2", "-1/2", "1of2", "0/0", "1/2/3"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(RecipeError, match=f"share is {text}"):
        parse_share(text)


def test_a_share_that_is_not_there_is_refused():
    with pytest.raises(RecipeError, match="share is 3/3; expected i/n"):
        share_of([1, 2], (3, 3))
