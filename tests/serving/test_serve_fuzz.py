"""Requests made up from the interface's description get only answers that it describes."""

import os

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.server import serving

_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

# For each address and method; for long runs, set POETS_FUZZ=1000.
_EXAMPLES = int(os.environ.get("POETS_FUZZ", "4"))


def test_answers_are_as_described(retrained, small_graph):
    with serving(retrained, small_graph) as server:
        interface = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
        operations = [found.ok() for found in interface.get_all_operations()]
        assert len(operations) == 13
        for operation in operations:
            # A request without a body cannot be wrong.
            modes = list(GenerationMode) if operation.method == "post" else [GenerationMode.POSITIVE]
            for mode in modes:

                @settings(max_examples=_EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
                @given(operation.as_strategy(generation_mode=mode))
                def answers_as_described(case):
                    case.call_and_validate(checks=_CHECKS)

                answers_as_described()
        assert server.stop() == 0
