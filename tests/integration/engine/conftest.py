"""The same engines as the provider's conformance tests."""

from tests.integration.provider.conftest import engine

__all__ = ["engine"]
