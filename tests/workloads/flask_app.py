# SPDX-License-Identifier: Apache-2.0
"""A Flask application, served by gunicorn with gunicorn_settings.py."""
import time

import flask

from request_log import now, record, reply_plan

app = flask.Flask(__name__)


@app.route("/items/<item>", methods=["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"],
           provide_automatic_options=False)
def items(item):
    begin = now()
    request = flask.request
    status, size, chunked, delay = reply_plan(request.headers)
    received = len(request.get_data())
    time.sleep(delay)
    bodyless = request.method == "HEAD" or status in (204, 304)
    record("server", request.method, request.path, status, request_bytes=received,
           response_bytes=0 if bodyless else size, start_ns=begin, end_ns=now(),
           client_port=int(request.environ["REMOTE_PORT"]),
           server_port=int(request.environ["SERVER_PORT"]))
    if chunked and not bodyless:
        return flask.Response((b"x" * min(1000, size - at) for at in range(0, size, 1000)), status)
    return flask.Response(b"" if bodyless else b"x" * size, status)
