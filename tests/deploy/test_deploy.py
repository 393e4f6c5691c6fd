"""deploy/: every file is read by the tool that it is for, and they agree with each other."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import click
import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from house import House

from league.cli import command
from league.server.race.settings import Settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES = "1.31"
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())


def run(*words: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a tool and give what it said; a tool that is not there is no reason to pass."""
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, **more)


def tool(name: str) -> str:
    """A program that .ci/run installs, beside Python or from the system."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed; .ci/run installs it")
    return found


# -- containers ----------------------------------------------------------------------------------------


def test_hadolint_has_nothing_to_say_about_the_container_file() -> None:
    done = run(tool("hadolint"), "--no-fail", "--format", "json", DEPLOY / "Dockerfile")
    assert json.loads(done.stdout) == []


def test_the_container_is_built_from_what_its_ignore_file_lets_in() -> None:
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == let_in
    assert all((DEPLOY.parent / name).exists() for name in let_in)
    extras = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (asked,) = re.findall(r"^ARG EXTRAS=(.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert set(asked.split(",")) <= set(extras)


def test_compose_reads_the_compose_file_and_nothing_runs_as_root_or_writes_its_image() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    merged = yaml.safe_load(text)  # the library does not know YAML's merge keys, which compose does
    PyCompose.from_yaml(yaml.safe_dump(merged)).validate()
    services = merged["services"]
    assert {"race-1", "race-2", "db", "proxy", "backup"} <= set(services)
    for name, service in services.items():
        assert service.get("read_only") or name == "grafana", name
    for path in re.findall(r"\./([\w./-]+):", text):
        assert (DEPLOY / path).exists(), path


def test_the_race_hosts_of_compose_get_settings_that_the_server_takes(tmp_path: Path) -> None:
    configs = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["configs"]
    for name, config in configs.items():
        file = tmp_path / f"{name}.toml"
        file.write_text(config["content"].replace("${LEAGUE_DOMAIN:?}", "league.example"))
        settings = Settings.read(file)
        assert settings.url == f"https://{name}.league.example"
        assert settings.database.startswith("postgresql://")


def test_the_backup_script_is_good_for_any_shell() -> None:
    done = run("/bin/sh", "-n", DEPLOY / "backup.sh")
    assert (done.returncode, done.stderr) == (0, "")


# -- systemd -------------------------------------------------------------------------------------------


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with programs that are there in place of those that will be."""
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text()
        text = re.sub(r"/opt/league/bin/(league|ray)", "/bin/true", text)
        (tmp_path / name.replace("@.", "@red.")).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(units: Path, name: str) -> None:
    done = run(tool("systemd-analyze"), "verify", "--man=no", units / name.replace("@.", "@red."))
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "league" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_a_service_is_kept_from_most_of_the_machine(units: Path, name: str) -> None:
    path = units / name.replace("@.", "@red.")
    done = run(tool("systemd-analyze"), "security", "--offline=true", "--threshold=60", "--no-pager", path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_units_run_commands_that_exist_with_options_that_exist() -> None:
    for name in ("league.service", "league-bridge@.service", "league-backup.service"):
        text = (DEPLOY / "systemd" / name).read_text()
        (line,) = re.findall(r"^ExecStart=/opt/league/bin/league --no-color (.+)$", text, re.MULTILINE)
        found = command.get_command(click.Context(command), line.split()[0])
        assert found is not None
        known = {option for parameter in found.params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", line)) <= known


# -- proxies -------------------------------------------------------------------------------------------


def test_nginx_takes_the_proxy_file(tmp_path: Path) -> None:
    nginx = tool("nginx")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    run(
        tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-subj", "/CN=league.example", "-days", "1", "-keyout", key, "-out", certificate,
        check=True,
    )  # fmt: skip
    text = (DEPLOY / "proxy" / "nginx.conf").read_text()
    text = re.sub(r"/etc/letsencrypt\S+/fullchain\.pem", str(certificate), text)
    text = re.sub(r"/etc/letsencrypt\S+/privkey\.pem", str(key), text)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off;\n{text}\n}}\n"
    )
    done = run(nginx, "-t", "-q", "-p", tmp_path, "-c", whole)
    assert (done.returncode, done.stderr) == (0, "")


def test_caddy_takes_the_proxy_file(tmp_path: Path) -> None:
    environment = {"LEAGUE_DOMAIN": "league.example", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    file = DEPLOY / "proxy" / "Caddyfile"
    done = run(tool("caddy"), "validate", "--adapter", "caddyfile", "--config", file, env=environment)
    assert done.returncode == 0, done.stderr
    formatted = run(tool("caddy"), "fmt", file, env=environment)
    assert formatted.stdout == file.read_text()


# -- Kubernetes ----------------------------------------------------------------------------------------


def manifests() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{path.stem}/{manifest['kind']}/{manifest['metadata']['name']}", manifest)
        for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text())
    ]


def pods(manifest: Any) -> Iterator[dict[str, Any]]:
    """Every pod's template somewhere in a manifest."""
    if isinstance(manifest, dict):
        if "containers" in manifest:
            yield manifest
        for value in manifest.values():
            yield from pods(value)
    elif isinstance(manifest, list):
        for value in manifest:
            yield from pods(value)


MANIFESTS = pytest.mark.parametrize(
    ("name", "manifest"), [pytest.param(*found, id=found[0]) for found in manifests()]
)


@MANIFESTS
def test_kubernetes_knows_every_field(name: str, manifest: dict[str, Any]) -> None:
    if manifest["apiVersion"].startswith("ray.io/"):
        # KubeRay's own kind is not among Kubernetes' schemas; the pods in it are.
        for number, pod in enumerate(pods(manifest)):
            wrapped = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": pod}
            kubernetes_validate.validate(wrapped, KUBERNETES, strict=True)
        return
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@MANIFESTS
def test_no_pod_runs_as_root_or_may_become_it(name: str, manifest: dict[str, Any]) -> None:
    for pod in pods(manifest):
        assert pod["securityContext"]["runAsNonRoot"], name
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_race_hosts_of_kubernetes_get_settings_that_the_server_takes(tmp_path: Path) -> None:
    (config,) = (manifest for _, manifest in manifests() if manifest["kind"] == "ConfigMap")
    file = tmp_path / "league.toml"
    file.write_text(config["data"]["league.toml"].replace("HOST", "race-0"))
    assert Settings.read(file).url == "https://race-0.league.example"


# -- a cluster -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ray_has_every_option_with_which_its_machines_are_started() -> None:
    known = set(
        re.findall(r"--[a-z-]+", run(Path(sys.executable).with_name("ray"), "start", "--help").stdout)
    )
    unit = (DEPLOY / "systemd" / "league-worker.service").read_text()
    (line,) = re.findall(r"^ExecStart=/opt/league/bin/ray start (.+)$", unit, re.MULTILINE)
    used = set(re.findall(r"--[a-z-]+", line))
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in ("cluster", "worker"):
        words = [*services[name]["entrypoint"], *services[name]["command"]]
        assert words[:2] == ["ray", "start"]
        used |= {word.split("=")[0] for word in words[2:]}
    (ray,) = (manifest for _, manifest in manifests() if manifest["kind"] == "RayCluster")
    for group in groups(ray):
        used |= {f"--{name}" for name in group["rayStartParams"]}
    assert used <= known, used - known


def test_only_its_own_machines_reach_a_cluster_in_which_anybody_could_run_programs() -> None:
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    with_it = {name for name, service in found["services"].items() if "cluster" in service["networks"]}
    assert with_it == {"cluster", "worker", "db"}
    for name in ("cluster", "worker"):
        assert "ports" not in found["services"][name]
        assert found["services"][name]["networks"] == ["cluster"]
        assert found["services"][name]["environment"]["RAY_AUTH_MODE"] == "token"
    assert found["networks"]["cluster"] == {"internal": True}
    ray, fence = (m for name, m in manifests() if name.startswith("ray/"))
    labels = [pod["template"]["metadata"]["labels"] for pod in groups(ray)]
    allowed = fence["spec"]["ingress"][0]["from"]
    assert all(fence["spec"]["podSelector"]["matchLabels"] == label for label in labels)
    assert allowed == [{"podSelector": {"matchLabels": labels[0]}}]


def groups(ray: dict[str, Any]) -> list[dict[str, Any]]:
    """The head and the groups of workers."""
    return [ray["spec"]["headGroupSpec"], *ray["spec"]["workerGroupSpecs"]]


def test_the_image_of_a_cluster_is_built_with_what_there_is() -> None:
    extras = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["worker"]
    text = (DEPLOY / "kubernetes" / "ray.yaml").read_text()
    (asked,) = re.findall(r"EXTRAS=(\S+)", text)
    assert asked == compose["build"]["args"]["EXTRAS"]
    assert "cluster" in asked.split(",")
    assert set(asked.split(",")) <= set(extras)


# -- metrics -------------------------------------------------------------------------------------------


def expressions() -> list[str]:
    board = json.loads((DEPLOY / "metrics" / "grafana" / "dashboards" / "league.json").read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    alerts = yaml.safe_load((DEPLOY / "metrics" / "alerts.yml").read_text())
    return found + [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]


def test_prometheus_takes_its_file_and_the_alerts() -> None:
    done = run(tool("promtool"), "check", "config", DEPLOY / "metrics" / "prometheus.yml")
    assert done.returncode == 0, done.stderr


def test_prometheus_understands_every_line_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = run(tool("promtool"), "check", "rules", file)
    assert done.returncode == 0, done.stderr


async def test_the_dashboard_and_the_alerts_use_figures_that_the_server_has(home: House) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{home.url}/metrics") as answer:
        families = set(re.findall(r"^# TYPE (\w+) ", await answer.text(), re.MULTILINE))
    names = {name for text in expressions() for name in re.findall(r"\bleague_\w+", text)}
    known = families | {f"{name}_{part}" for name in families for part in ("total", "bucket", "count")}
    assert names <= known, names - known


def test_grafana_finds_what_it_is_given() -> None:
    folder = DEPLOY / "metrics" / "grafana"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
    board = json.loads((folder / "dashboards" / "league.json").read_text())
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
    ids = [panel["id"] for panel in board["panels"]]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(ids)) == len(set(places)) == len(ids)
