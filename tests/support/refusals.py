"""How the HTTP API refuses."""

UNKNOWN_SERVICE = 'Unknown service ID "{}". Ensure that the service ID is passed, not the service name.'
UNKNOWN_CHECK = 'Unknown check ID "{}". Ensure that the check ID is passed, not the check name.'


def refused(answer, status, text):
    assert (answer.status, answer.text) == (status, text)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
