"""What the selftests share."""
import pytest

from cloud.client import Cloud


@pytest.fixture
def cloud():
    c = Cloud()
    c.reset()
    yield c
    c.reset()
