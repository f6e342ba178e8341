"""Clients of registries by version: those of the distribution, newer ones (Debian 13's and sid's), and crane, oras, regctl, helm and docker built from
their modules (fetch_clients.sh). The tests are those of ../test_docker_clients.py; what each client did and asked is printed at the end as a table."""
import pytest

from e2e.clients import installed
from e2e.keyring import keyrings  # noqa: F401  a fixture
from e2e.real.conftest import CACHE
from e2e.test_docker_clients import (  # noqa: F401
    made, test_a_foreign_registry_goes_on_as_nobody, test_a_public_registry_that_has_no_role_for_us, test_as_an_identity_token,
    test_a_refusal_is_an_error_where_a_match_names_the_registry, test_as_the_helper_of_every_registry, test_entra_refuses, test_push_look_and_pull,
    test_who_may_only_pull)
from e2e.test_docker_login import (  # noqa: F401
    files_shared, test_a_login_that_fails_takes_nothing_away, test_a_login_to_a_registry_of_others_is_kept_where_we_are_told, test_login_without_a_name,
    test_a_password_is_kept_and_goes_first_until_logout, test_a_refresh_token_is_accepted_and_dropped, test_logout_without_a_login)

KINDS, MODULES = ("skopeo", "buildah", "podman", "docker"), ("docker", "oras", "crane", "regctl", "helm3", "helm4")


def rows():
    """(from where, kind, program or None, version or None)"""
    for kind, program in installed(*KINDS):
        yield "here", kind, program, None
    for release in ("trixie", "sid"):
        for kind in KINDS:
            program = CACHE / f"clients-{release}" / "root/usr/bin" / kind
            yield release, kind, program if (CACHE / f"clients-{release}" / "version").exists() else None, None
    for name in MODULES:
        found = sorted((CACHE / "clients-go").glob(f"{name}-*"))
        yield "module", name.rstrip("34"), found[-1] if found else None, found[-1].name.removeprefix(f"{name}-v") if found else None


ROWS = list(rows())


def of(place, origin, kind, program, version):
    if not program and origin != "here":
        pytest.skip(f"not run: the registry client {kind} ({origin}) could not be fetched")
    return made(place, kind, program, version)


@pytest.fixture(params=ROWS, ids=[f"{kind}{n}" for n, (_, kind, _, _) in enumerate(ROWS)])
def client(request, place):
    return of(place, *request.param)


# regctl keeps its log-ins in a file of its own, and tells no helper.
KEEPERS = [row for row in ROWS if row[1] != "regctl"]


@pytest.fixture(params=KEEPERS, ids=[f"{kind}{n}" for n, (_, kind, _, _) in enumerate(KEEPERS)])
def who(request, place):
    return files_shared(of(place, *request.param))
