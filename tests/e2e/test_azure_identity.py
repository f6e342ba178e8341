"""The distribution's azure-identity for Python, with az before it: a stub that prints what the real az prints, and ours. Newer ones and other
languages: tests/e2e/real/test_sdks.py, test_job.py."""
import pytest

from cloud.client import ARM, TENANT
from e2e.place import BIN
from e2e.sdks import GET, SDKS, Front, answer, ask, end_of_summer, is_app

SDK = "python-old"


@pytest.fixture(params=["stub", "ours"])
def front(place, request):
    return Front(place, request.param)


@pytest.mark.parametrize("who", [None, TENANT], ids=["", "tenant"])
def test_az(front, place, who):
    is_app(answer(ask(place, SDK, "cli", who=who, **front.env)))
    assert front.calls() == [f"az {GET} --output json --resource {ARM}" + (f" --tenant {TENANT}" if who else "")]


def test_local_time(front, place):
    """It reads nothing else."""
    file, at = end_of_summer(place, "New York")
    for until in (at - 5400, at + 5400):
        front.expires(until)
        place.fresh_runtime()
        said = is_app(answer(ask(place, SDK, "cli", TZ=file, **front.env)))
        assert abs(said["exp"] - until) < 300


@pytest.mark.parametrize("how, name, words", [("login", SDKS[SDK].stops[0], "az login"), ("refused", SDKS[SDK].stops[1], "AADSTS700213")])
def test_no(front, place, how, name, words):
    front.refuses(how)
    r = ask(place, SDK, "cli", **front.env)
    assert r.rc == 1 and name in r.err and words in r.err and (words == "az login" or "az login" not in r.err), r


@pytest.mark.parametrize("credential", ["mi", "default"])
def test_managed_identity(place, credential):
    place.pod()
    job = [BIN / "daypass", "exec", "--"]
    if place.run([*job, "true"]).rc:
        pytest.skip("not run: this daypass has no exec")
    is_app(answer(ask(place, SDK, credential, before=job)))
    assert len(place.cloud.exchanges()) == 1
