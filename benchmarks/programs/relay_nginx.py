"""nginx as a relay that passes bytes on and does nothing else, at one worker.

usage: python -m benchmarks.programs.relay_nginx UPSTREAM_PORT PORT FOLDER
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .process import become_relay
from .relay_absent import absent

__all__ = ("main",)

_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    upstream service {{
        server 127.0.0.1:{upstream};
        keepalive 1024;
        keepalive_requests 1000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }}
    }}
}}
"""


def main() -> None:
    """Become nginx."""
    upstream, port, folder = sys.argv[1:]
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        absent("apt-get install nginx")
    config = Path(folder, "nginx.conf")
    config.write_text(_CONFIG.format(folder=folder, upstream=upstream, port=port))
    become_relay()
    os.execv(program, ["nginx", "-c", str(config), "-e", f"{folder}/start.log"])


if __name__ == "__main__":
    main()
