"""Says how long it has been running, on port 8000."""

import http.server
import time

import humanize

STARTED = time.time()


class Greeter(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        words = f"hello, I started {humanize.naturaltime(time.time() - STARTED)}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", 8000), Greeter).serve_forever()
