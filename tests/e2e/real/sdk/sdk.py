"""Microsoft's azure-identity for Python asks one credential for a token, and says in a line of JSON whose it is.

    sdk.py cli|azd|mi|wi|default [SCOPE [TENANT, or CLIENT for mi]]
"""
import base64
import importlib.metadata
import json
import sys

from azure import identity
from azure.core.exceptions import AzureError

which, scope, who = (sys.argv[1:] + ["", ""])[:3] if len(sys.argv) > 2 else (sys.argv[1], "https://management.azure.com/.default", "")
tenant = {"tenant_id": who} if who else {}
credential = {"cli": lambda: identity.AzureCliCredential(**tenant), "azd": lambda: identity.AzureDeveloperCliCredential(**tenant),
              "mi": lambda: identity.ManagedIdentityCredential(client_id=who or None), "wi": lambda: identity.WorkloadIdentityCredential(),
              "default": lambda: identity.DefaultAzureCredential()}[which]()
try:
    token = credential.get_token(scope)
except AzureError as e:
    sys.exit(f"{type(e).__name__}: {e}")
part = token.token.split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
print(json.dumps({"sdk": "python", "version": importlib.metadata.version("azure-identity"), "subject": claims["sub"],
                  "app": claims.get("appid") or claims.get("azp"), "aud": claims["aud"], "exp": claims["exp"], "expires_on": token.expires_on}))
