import pytest

from tests.verify.pairs import DIFFERENT, EQUAL, is_proved, summaries_equal


@pytest.mark.parametrize("name", EQUAL)
def test_equal_functions_are_proved(name: str) -> None:
    assert is_proved(*EQUAL[name])


@pytest.mark.parametrize("name", EQUAL)
def test_equality_does_not_depend_on_which_comes_first(name: str) -> None:
    before, after = EQUAL[name]
    assert summaries_equal(after, before)


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_functions_are_never_proved(name: str) -> None:
    before, after = DIFFERENT[name]
    assert not is_proved(before, after)
    assert not is_proved(after, before)


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_functions_equal_themselves(name: str) -> None:
    for version in DIFFERENT[name]:
        assert summaries_equal(version, version)
