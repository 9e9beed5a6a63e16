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
