"""The container's health check: the web process answers on its own port. Exit code 0 or 1.

Standard library only, and no Django: it runs every few seconds.
"""

import http.client
import os
import sys

TIMEOUT_SECONDS = 4


def allowed_host() -> str:
    """A name that Django accepts: the first of ALLOWED_HOSTS (`.example.org` covers `example.org`)."""
    first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip()
    return first.lstrip(".") or "localhost"


def main(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/live", headers={"Host": allowed_host()})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"no answer: {error}\n")
        return 1
    finally:
        connection.close()
    if status != 200:
        sys.stderr.write(f"status {status}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000))
