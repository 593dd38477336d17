"""server.py ADDRESS PORT PIECES PASSWORD_FILE: serves the conda channel and the package indexes.

/conda/NAME/...   the channel NAME
/extra/simple/    an index that anybody may read
/git/demo.git     a git repository with the package bed-git-demo
/private/simple/  an index for user `imagespec` with the password of the file
"""

import base64
import hmac
import http.server
import os
import sys
import urllib.parse

ADDRESS, PORT, PIECES, PASSWORD_FILE = sys.argv[1:]
ROOTS = {"conda": "channel", "extra": "indexes/extra", "private": "indexes/private", "git": "indexes/git"}


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def place(self):
        first, _, rest = urllib.parse.unquote(self.path.partition("?")[0]).lstrip("/").partition("/")
        return first, rest

    def translate_path(self, path):
        first, rest = self.place()
        parts = [part for part in rest.split("/") if part not in ("", ".", "..") and not part.startswith(".")]
        # Looked up for every request: a piece that was made anew is another directory.
        found = os.path.join(PIECES, ROOTS.get(first, ".nothing"), *parts)
        return found + "/" if rest.endswith("/") else found

    def allowed(self):
        if self.place()[0] != "private":
            return True
        with open(PASSWORD_FILE, encoding="utf-8") as file:
            expected = base64.b64encode(f"imagespec:{file.read().strip()}".encode()).decode()
        return hmac.compare_digest(self.headers.get("Authorization", ""), f"Basic {expected}")

    def send_head(self):
        if self.allowed():
            return super().send_head()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="imagespec test bed"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def list_directory(self, path):
        self.send_error(404)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


Server((ADDRESS, int(PORT)), Handler).serve_forever()
