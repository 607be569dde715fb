"""What is mutated, in groups of modules that one sample is drawn from, and the tests that are to notice it.

What is in no group serves developers and not requests: the test client, the commands, the drop-in. The tests of a group
stand in the order in which they are run, the quickest to notice first. They are those of the modules themselves: a
change that only a test of another part notices is taken for one that nobody notices.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Group:
    """Modules below asterion/ (a folder means every module in it), and tests below tests/."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The tests, by their path below the root."""
        return tuple(f"tests/{test}" for test in self.tests)

    def files(self, tree: Path) -> list[str]:
        """The modules of this group in `tree`, by their path below asterion/. Raises FileNotFoundError without one."""
        package = tree / "asterion"
        found: dict[str, None] = {}
        for name in self.modules:
            path = package / name
            if not path.exists():
                raise FileNotFoundError(f"scripts/mutation/groups.py names asterion/{name}, which is not there.")
            for module in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
                found[module.relative_to(package).as_posix()] = None
        return list(found)


GROUPS: dict[str, Group] = {
    "exchange": Group(
        ("middleware/_exchange", "middleware/base.py"),
        (
            "middleware/test_exchange.py",
            "middleware/test_exchange_corners.py",
            "middleware/test_exchange_edges.py",
            "middleware/test_exchange_leftovers.py",
            "middleware/test_exchange_open_scopes.py",
            "middleware/test_exchange_tasks.py",
            "middleware/test_context_variables.py",
            "middleware/test_extension_messages.py",
            "middleware/test_progress.py",
            "failures/test_function_middleware.py",
            "files/test_files_through_layers.py",
            "responses/test_streaming_the_request_back.py",
            "templating",
            "applications",
            "growth/test_cycles.py",
        ),
    ),
    "errors": Group(
        ("middleware/errors.py", "middleware/exceptions.py", "middleware/_debugpage.py", "_core/handlers.py"),
        (
            "core/test_handlers.py",
            "applications/test_error_boundary.py",
            "applications/test_exception_handlers.py",
            "applications/test_long_tracebacks.py",
            "applications/test_policies.py",
            "middleware/test_boundaries_as_applications.py",
            "failures/test_1255_exceptions.py",
            "failures/test_472_debug_messages.py",
            "failures/test_cors_and_errors.py",
            "failures/test_methods_and_handlers.py",
            "failures/test_websockets.py",
        ),
    ),
    "sessions": Group(
        ("middleware/sessions.py", "_core/session.py"), ("middleware/test_sessions.py", "failures/test_sessions.py")
    ),
    "csrf": Group(
        ("middleware/csrf.py", "_core/csrftokens.py", "requests/_field.py", "formparsers/_field.py"),
        ("core/test_csrftokens.py", "requests/test_finding_a_field.py", "middleware/test_csrf.py"),
    ),
    "browsers": Group(
        ("middleware/securityheaders.py", "_core/contentpolicy.py", "_core/nexturls.py", "responses/_next.py"),
        ("middleware/test_security_headers.py", "responses/test_next_url.py"),
    ),
    "authentication": Group(
        ("authentication.py", "middleware/authentication.py"),
        ("middleware/test_authentication.py", "endpoints/test_authentication.py"),
    ),
    "files": Group(
        (
            "staticfiles",
            "responses/_files.py",
            "responses/_openfile.py",
            "_core/safepaths.py",
            "_core/openpaths.py",
            "_core/filehead.py",
            "_core/ranges.py",
            "_core/assets.py",
            "responses/_mediatypes.py",
        ),
        ("core/test_ranges.py", "core/test_openpaths.py", "files"),
    ),
    "headers": Group(
        ("_core/headers.py", "_core/headertext.py", "_core/multidict.py"),
        ("core/test_headers.py", "core/test_multidict.py", "foundation/test_datastructures.py"),
    ),
    "cookies": Group(
        ("_core/cookies.py", "_core/conditional.py", "_core/negotiation.py", "middleware/conditional.py"),
        (
            "core/test_cookies.py",
            "core/test_conditional.py",
            "core/test_negotiation.py",
            "middleware/test_conditional.py",
        ),
    ),
    "urls": Group(
        ("_core/urls.py", "_core/urltext.py", "_core/urlchange.py", "_core/origins.py", "middleware/origin.py"),
        ("core/test_urls.py", "core/test_urltext.py", "core/test_origins.py", "middleware/test_origin.py"),
    ),
    "forms": Group(
        ("_core/forms.py", "_core/charsets.py", "_core/filenames.py", "_core/percent.py", "formparsers"),
        (
            "core/test_filenames.py",
            "core/test_percent.py",
            "requests/test_multipart.py",
            "requests/test_urlencoded.py",
            "requests/test_files.py",
            "requests/test_chunk_cuts.py",
            "requests/test_turns_of_forms.py",
            "requests/test_finding_a_field.py",
            "requests/test_kept_size.py",
            "failures/test_forms.py",
            "limits",
        ),
    ),
    "routing": Group(
        (
            "_core/index.py",
            "_core/paths.py",
            "convertors.py",
            "routing/_table.py",
            "routing/_routes.py",
            "routing/_mounts.py",
        ),
        (
            "core/test_index.py",
            "core/test_paths.py",
            "foundation/test_convertors.py",
            "routing",
            "failures/test_urls_and_redirects.py",
            "failures/test_methods_and_handlers.py",
            "limits/test_settings.py",
        ),
    ),
    "body": Group(
        (
            "requests/_body.py",
            "requests/_kept.py",
            "requests/_whole.py",
            "_core/bodylimits.py",
            "_core/jsonbody.py",
            "_core/jsoncodec.py",
            "_core/jsondepth.py",
            "_core/jsonslices.py",
            "middleware/body_limit.py",
        ),
        (
            "core/test_jsoncodec.py",
            "requests/test_json.py",
            "requests/test_body.py",
            "middleware/test_body_limit.py",
            "routing/test_body_limits.py",
            "middleware/test_progress.py",
            "requests/test_kept_size.py",
            "responses/test_streaming_the_request_back.py",
            "failures/test_uploads_and_bodies.py",
            "requests/test_kept_receives.py",
            "limits",
            "properties/test_json_slices.py",
        ),
    ),
    "requests": Group(
        ("requests/__init__.py", "requests/_connection.py", "requests/_glance.py", "_core/state.py", "_core/wire.py"),
        (
            "core/test_state.py",
            "core/test_wire.py",
            "requests",
            "middleware/test_exchange_corners.py",
            "failures/test_uploads_and_bodies.py",
        ),
    ),
    "serving": Group(
        (
            "applications.py",
            "endpoints.py",
            "routing/_answers.py",
            "routing/_endpoints.py",
            "routing/_lifespan.py",
            "routing/_limits.py",
            "routing/_pathlength.py",
            "routing/_router.py",
            "routing/_serving.py",
        ),
        (
            "applications",
            "routing",
            "endpoints",
            "templating",
            "failures/test_886_async_callables.py",
            "failures/test_lifecycle.py",
            "failures/test_methods_and_handlers.py",
            "failures/test_urls_and_redirects.py",
            "limits",
        ),
    ),
    "tools": Group(
        (
            "config.py",
            "datastructures.py",
            "exceptions.py",
            "schemas.py",
            "templating.py",
            "middleware/opentelemetry.py",
        ),
        (
            "foundation/test_config.py",
            "foundation/test_datastructures.py",
            "foundation/test_exceptions.py",
            "foundation/test_upload_file.py",
            "middleware/test_opentelemetry.py",
            "schemas",
            "templating",
            "failures/test_templates_and_config.py",
        ),
    ),
    "wsgi": Group(("middleware/wsgi.py",), ("middleware/test_wsgi.py",)),
    "background": Group(
        ("background.py", "concurrency", "_core/callables.py"),
        (
            "core/test_callables.py",
            "foundation/test_background.py",
            "foundation/test_concurrency.py",
            "applications/test_background_errors.py",
            "applications/test_background_work.py",
            "failures/test_1438_background.py",
            "failures/test_background_and_threads.py",
            "middleware/test_exchange_edges.py",
            "middleware/test_exchange_open_scopes.py",
            "middleware/test_context_variables.py",
        ),
    ),
    "websockets": Group(
        ("websockets",),
        (
            "websockets/test_websocket.py",
            "failures/test_websockets.py",
            "routing/test_websocket_routes.py",
            "routing/test_websocket_origins.py",
            "limits",
        ),
    ),
    "responses": Group(
        ("responses/_streaming.py", "responses/_watch.py", "responses/_base.py", "responses/_events.py"),
        (
            "responses/test_responses.py",
            "responses/test_streaming.py",
            "responses/test_events.py",
            "responses/test_streaming_the_request_back.py",
            "failures/test_793_streaming_content.py",
            "failures/test_streaming_and_files.py",
        ),
    ),
    "compression": Group(
        ("middleware/_compression", "middleware/compression.py", "middleware/gzip.py"),
        ("middleware/test_compression.py", "middleware/test_gzip.py", "failures/test_compression.py"),
    ),
    "hosts": Group(
        (
            "_core/hosts.py",
            "_core/policies.py",
            "middleware/trustedhost.py",
            "middleware/httpsredirect.py",
            "middleware/cors.py",
        ),
        (
            "core/test_hosts.py",
            "middleware/test_hosts.py",
            "middleware/test_cors.py",
            "applications/test_policies.py",
            "failures/test_cors_and_errors.py",
        ),
    ),
    "conformance": Group(
        ("_core/conformance.py", "_core/messagefields.py", "middleware/conformance.py"),
        ("core/test_conformance.py", "middleware/test_conformance.py", "testclient/test_conformance.py"),
    ),
}
