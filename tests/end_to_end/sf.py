"""Stands in for Salesforce's command line, as the pages type it: tests/clients tries the real one.

`sf project deploy start --source-dir force-app`, and `sf org assign permset`; the org is told by the environment.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import jwt
import requests

_DIRECTORIES = {
    "permissionsets": "PermissionSet",
    "externalClientApps": "ExternalClientApplication",
    "extlClntAppOauthSettings": "ExtlClntAppOauthSettings",
    "extlClntAppGlobalOauthSets": "ExtlClntAppGlobalOauthSettings",
    "extlClntAppOauthPolicies": "ExtlClntAppOauthConfigurablePolicies",
    "extlClntAppPolicies": "ExtlClntAppConfigurablePolicies",
}


class Org:
    """The org, as an administrator has logged in to it."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.url, self.ca = told["url"], told["ca"]
        claims = {
            "iss": told["client_id"],
            "sub": told["username"],
            "aud": self.url,
            "exp": int(time.time()) + 120,
        }
        assertion = jwt.encode(claims, Path(told["private_key"]).read_text(), "RS256")
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        answer = requests.post(f"{self.url}/services/oauth2/token", data=grant, verify=self.ca, timeout=60)
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def call(self, method: str, path: str, **sent: Any) -> Any:
        """One call of the REST API."""
        url = f"{self.url}/services/data/v66.0{path}"
        answer = requests.request(method, url, headers=self.headers, verify=self.ca, timeout=60, **sent)
        if not answer.ok:
            raise SystemExit(answer.text)
        return answer.json()

    def deploy(self, source: Path) -> None:
        """Deploys all files below a folder, and waits for the end."""
        files = {str(file.relative_to(source)).removesuffix("-meta.xml"): file for file in source.rglob("*-meta.xml")}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, file in files.items():
                archive.write(file, name)
            archive.writestr("package.xml", _manifest([*files]))
        options = {"deployOptions": {"rollbackOnError": True, "singlePackage": True}}
        parts = {
            "json": (None, json.dumps(options), "application/json"),
            "file": ("deploy.zip", buffer.getvalue(), "application/zip"),
        }
        job = self.call("POST", "/metadata/deployRequest", files=parts)["id"]
        while True:
            result = self.call("GET", f"/metadata/deployRequest/{job}?includeDetails=true")["deployResult"]
            if result["done"]:
                break
            time.sleep(0.1)
        if not result["success"]:
            raise SystemExit(json.dumps(result["details"]["componentFailures"]))

    def assign(self, name: str, username: str) -> None:
        """Gives a user a permission set."""
        users = self._rows("SELECT Id, Username FROM User")
        sets = self._rows("SELECT Id, Name FROM PermissionSet")
        row = {
            "AssigneeId": next(each["Id"] for each in users if each["Username"] == username),
            "PermissionSetId": next(each["Id"] for each in sets if each["Name"] == name),
        }
        self.call("POST", "/sobjects/PermissionSetAssignment", json=row)

    def _rows(self, query: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.call("GET", "/query", params={"q": query})["records"]
        return found


def _manifest(paths: list[str]) -> str:
    types = "".join(
        f"<types><members>{path.rpartition('/')[2].partition('.')[0]}</members>"
        f"<name>{_DIRECTORIES[path.partition('/')[0]]}</name></types>"
        for path in paths
    )
    return f'<Package xmlns="http://soap.sforce.com/2006/04/metadata">{types}<version>66.0</version></Package>'


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--target-org", choices=["production"], required=True)
    parser.add_argument("--source-dir")
    parser.add_argument("--name")
    parser.add_argument("--on-behalf-of")
    what, rest = sys.argv[1:4], sys.argv[4:]
    told = parser.parse_args(rest)
    org = Org(json.loads(os.environ["SF_ORG"]))
    if what == ["project", "deploy", "start"]:
        org.deploy(Path(told.source_dir) / "main" / "default")
    elif what == ["org", "assign", "permset"]:
        org.assign(told.name, told.on_behalf_of)
    else:
        raise SystemExit(f"{what} is not known")


if __name__ == "__main__":
    main()
