"""Fleets for tests, as dicts of files."""

from __future__ import annotations

REVISION = "4f1c2e" + "0" * 34


def small_fleet(**changes: str | None) -> dict[str, str]:
    """Return a valid fleet of one app, two environments and three clusters.

    A keyword replaces a file: `small_fleet(**{"fleet.yaml": "name: x"})`; None removes it.
    """
    files: dict[str, str | None] = {
        "fleet.yaml": "name: shop\n",
        "environments/dev/environment.yaml": "clusters:\n  names: [dev]\n",
        "environments/dev/apps/web.yaml": f"release:\n  version: 1.1.0\n  revision: {REVISION}\n",
        "environments/prod/environment.yaml": (
            "promotesFrom: dev\n"
            "clusters:\n"
            "  matchLabels: {tier: prod}\n"
            "waves:\n"
            "  - name: eu\n"
            "    clusters:\n"
            "      matchLabels: {region: eu}\n"
        ),
        "environments/prod/apps/web.yaml": (
            "release:\n"
            "  version: 1.0.0\n"
            f"  revision: {REVISION}\n"
            "  images:\n"
            "    web: registry.example/web:1.0.0\n"
            "  values:\n"
            "    ratings.enabled: true\n"
            "values:\n"
            "  replicas: 3\n"
        ),
        "clusters/dev.yaml": "labels: {tier: dev}\naccess: {context: dev}\n",
        "clusters/prod-eu.yaml": "labels: {tier: prod, region: eu}\naccess: {context: prod-eu}\n",
        "clusters/prod-us.yaml": "labels: {tier: prod, region: us}\naccess: {context: prod-us}\n",
        "apps/web/app.yaml": (
            "namespace: web\n"
            "images:\n"
            "  web: registry.example/web:1.0.0\n"
            "values:\n"
            "  replicas: 1\n"
            "  ratings:\n"
            "    enabled: false\n"
            "promotable:\n"
            "  - ratings.enabled\n"
        ),
        "apps/web/templates/web.yaml.j2": (
            'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  replicas: "{{ values.replicas }}"\n'
        ),
    }
    files.update(changes)
    return {path: content for path, content in files.items() if content is not None}


def large_fleet(apps: int = 200, clusters: int = 50, revision: str = REVISION) -> dict[str, str]:
    """Return a valid fleet of many apps on many clusters, in five environments that form one pipeline."""
    environments = ("dev", "qa", "staging", "canary", "prod")
    files = {"fleet.yaml": "name: large\n"}
    for number, name in enumerate(environments):
        source = f"promotesFrom: {environments[number - 1]}\n" if number else ""
        files[f"environments/{name}/environment.yaml"] = (
            f"{source}clusters:\n  matchLabels: {{tier: {name}}}\n"
            "waves:\n  - name: eu\n    clusters:\n      matchLabels: {region: eu}\n"
            f"values:\n  host: {name}.example.com\n"
        )
        for app in range(apps):
            files[f"environments/{name}/apps/app-{app}.yaml"] = (
                f"release:\n  version: 1.0.{app}\n  revision: {revision}\n"
                f"  images:\n    web: registry.example/web:{app}\n  values:\n    feature.enabled: true\n"
                f"values:\n  replicas: {app % 5 + 1}\n"
            )
    for cluster in range(clusters):
        tier, region = environments[cluster % len(environments)], ("eu", "us")[cluster // len(environments) % 2]
        files[f"clusters/cluster-{cluster}.yaml"] = (
            f"labels: {{tier: {tier}, region: {region}}}\naccess: {{context: cluster-{cluster}}}\n"
            f"values:\n  region: {region}\n"
        )
    for app in range(apps):
        files[f"apps/app-{app}/app.yaml"] = (
            "namespace: apps\nimages:\n  web: registry.example/web:1\n"
            "values:\n  replicas: 1\n  host: example.com\n  region: nowhere\n  feature:\n    enabled: false\n"
            "promotable:\n  - feature.enabled\n"
        )
        files[f"apps/app-{app}/templates/app.yaml.j2"] = (
            f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-{app}\ndata:\n"
            '  host: {{ values.host }}\n  region: {{ values.region }}\n  replicas: "{{ values.replicas }}"\n'
            '  image: {{ images.web }}\n  feature: "{{ values.feature.enabled }}"\n'
        )
    return files
