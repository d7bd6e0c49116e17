"""How configurations of tests begin: a database, one org, and for who needs them a store and credentials."""

from typing import Final

ONE_ORG: Final = """\
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {client_id: key, username: rotator@example.com, private_key: {env: ROTATOR_KEY}}
"""

ONE_STORE: Final = f"{ONE_ORG}stores: {{keys: {{type: files, path: store}}}}\n"


def with_credentials(*names: str) -> str:
    """The same with credentials of one app each, which has their name with a capital letter."""
    lines = (
        f"  {name}: {{org: production, store: keys, username: {name}@example.com, apps: [{name.capitalize()}]}}\n"
        for name in names
    )
    return f"{ONE_STORE}credentials:\n{''.join(lines)}"
