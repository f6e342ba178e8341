"""Azure Resource Manager: whose token it is, which subscriptions he sees, resource groups, and what clients read before they sign in."""
import re
import time

from . import bearer, identities
from .ids import ARM_CONTRIBUTOR, CHINA, PUBLIC, USGOV
from .wire import Response

HOSTS = {"management.azure.com": PUBLIC, "management.usgovcloudapi.net": USGOV, "management.chinacloudapi.cn": CHINA}
AUDIENCES = {PUBLIC: ("https://management.azure.com", "https://management.core.windows.net"),
             USGOV: ("https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net"),
             CHINA: ("https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn")}
VERSION = re.compile(r"20\d\d-[01]\d-[0-3]\d(-preview)?")
CLOUDS = {  # name, suffix of its names, Graph
    PUBLIC: ("AzureCloud", "windows.net", "https://graph.microsoft.com/", "azurecr.io", "azure.com"),
    USGOV: ("AzureUSGovernment", "usgovcloudapi.net", "https://graph.microsoft.us/", "azurecr.us", "azure.us"),
    CHINA: ("AzureChinaCloud", "chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", "azurecr.cn", "azure.cn")}
WHY = {"malformed": ("InvalidAuthenticationToken", "The access token is invalid."),
       "signature": ("InvalidAuthenticationToken", "The access token is invalid."),
       "issuer": ("InvalidAuthenticationToken", "The access token is from the wrong issuer '{iss}'."),
       "early": ("InvalidAuthenticationToken", "The access token is not valid yet."),
       "revoked": ("InvalidAuthenticationToken", "The access token has been revoked."),
       "missing": ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")}


class Failure(Exception):
    """What becomes an error body."""

    def __init__(self, status, code, message, challenge=None):
        super().__init__(message)
        self.status, self.code, self.message, self.challenge = status, code, message, challenge


def route(state, request):
    cloud = HOSTS[request.host]
    return "arm", lambda: answer(state, request, cloud)


def answer(state, request, cloud):
    try:
        return dispatch(state, request, cloud)
    except Failure as e:
        headers = [("WWW-Authenticate", e.challenge)] if e.challenge else []
        return Response(e.status, {"error": {"code": e.code, "message": e.message}}, headers=headers)


def dispatch(state, request, cloud):
    """What is asked for, by the parts of the path; names in it count without regard to case."""
    parts = [p for p in request.path.split("/") if p]
    words = [p.lower() for p in parts]
    version(request)
    if words == ["metadata", "endpoints"]:
        return Response(200, metadata(request.query["api-version"], request.host, cloud))
    claims = who(state, request, cloud)
    if words == ["subscriptions"]:
        rows = [describe(i, r) for i, r in state.subscriptions.items() if role(state, i, claims)]
        return Response(200, {"value": rows, "count": {"type": "Total", "value": len(rows)}})
    if words == ["tenants"]:
        return Response(200, {"value": [tenant(state, claims["tid"])]})
    if len(words) < 2 or words[0] != "subscriptions":
        raise Failure(404, "InvalidResourceType", f"The resource type could not be found in the namespace of '{request.path}'.")
    subscription = permitted(state, request, words, claims)
    if len(words) == 2:
        return Response(200, describe(subscription, state.subscriptions[subscription]))
    return inside_subscription(state, request, subscription, parts[2:])


def version(request):
    asked = request.query.get("api-version")
    if not asked:
        raise Failure(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
    if not VERSION.fullmatch(asked):
        raise Failure(400, "InvalidApiVersionParameter", f"The api-version '{asked}' is invalid. The supported versions are "
                      "'2022-12-01,2022-09-01,2021-01-01,2019-05-01,2016-06-01,2015-01-01'.")


def who(state, request, cloud):
    try:
        return bearer.shown(state, request, "arm", AUDIENCES[cloud], cloud)
    except bearer.Unfit as e:
        request.row["why"] = e.why
        raise refusal(state, e, cloud) from None


def refusal(state, unfit, cloud):
    claims, base = unfit.claims, "https://login.windows.net" if cloud == PUBLIC else f"https://{cloud}"
    if unfit.why == "audience":
        allowed = ",".join(f"'{form}'" for a in reversed(AUDIENCES[cloud]) for form in (a + "/", a))
        code, text = "InvalidAuthenticationTokenAudience", (
            f"The access token has been obtained for wrong audience or resource '{claims.get('aud')}'. It should exactly match with one of "
            f"the allowed audiences {allowed}.")
    elif unfit.why == "expired":
        code, text = "ExpiredAuthenticationToken", (f"The access token expiry UTC time '{american(claims['exp'])}' is earlier than current UTC "
                                                    f"time '{american(state.clock('arm'))}'.")
    else:
        code, text = WHY[unfit.why]
        text = text.format(iss=claims.get("iss"))
    said = "The authentication failed because of missing 'Authorization' header." if unfit.why == "missing" else text
    return Failure(401, code, text, f'Bearer authorization_uri="{base}/", error="invalid_token", error_description="{said}"')


def american(seconds):
    t = time.gmtime(seconds)
    return f"{t.tm_mon}/{t.tm_mday}/{t.tm_year} {t.tm_hour % 12 or 12}:{t.tm_min:02}:{t.tm_sec:02} {'AM' if t.tm_hour < 12 else 'PM'}"


def role(state, subscription, claims):
    row = state.subscriptions[subscription]
    return row["roles"].get(claims.get("appid")) if row["tenant"] == claims["tid"] else None


def permitted(state, request, words, claims):
    """The subscription of the path, if the caller's tenant and role fit what he wants to do there."""
    subscription, scope = words[1], "/" + "/".join(request.path.strip("/").split("/"))
    row = state.subscriptions.get(subscription)
    if row is None:
        raise Failure(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    if row["tenant"] != claims["tid"]:
        url = f"https://login.windows.net/{row['tenant']}"
        text = (f"The access token is from the wrong issuer '{claims['iss']}'. It must match the tenant 'https://sts.windows.net/{row['tenant']}/' "
                f"associated with this subscription. Please use the authority (URL) '{url}' to get the token.")
        raise Failure(401, "InvalidAuthenticationTokenTenant", text,
                      f'Bearer authorization_uri="{url}", error="invalid_token", error_description="The access token is from the wrong issuer."')
    has, writes = role(state, subscription, claims), request.method not in ("GET", "HEAD")
    if not has or (writes and has != ARM_CONTRIBUTOR):
        kind = "subscriptions" if len(words) == 2 else "subscriptions/" + words[2]
        action = f"Microsoft.Resources/{kind}/{'write' if writes else 'read'}"
        raise Failure(403, "AuthorizationFailed", f"The client '{claims['appid']}' with object id '{claims['oid']}' does not have authorization to "
                      f"perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
                      "your credentials.")
    return subscription


def describe(subscription, row):
    return {"id": f"/subscriptions/{subscription}", "authorizationSource": "RoleBased", "managedByTenants": [], "subscriptionId": subscription,
            "tenantId": row["tenant"], "displayName": row["name"], "state": row["condition"],
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"}}


def tenant(state, tenant_id):
    row = state.tenants[tenant_id]
    return {"id": f"/tenants/{tenant_id}", "tenantId": tenant_id, "countryCode": "NL", "displayName": row["name"], "domains": [row["domain"]],
            "tenantCategory": "Home", "defaultDomain": row["domain"], "tenantType": "AAD"}


# --- in a subscription ---

def inside_subscription(state, request, subscription, parts):
    """Resource groups, and of what is in them only storage accounts and managed identities, which nobody can make here."""
    words = [p.lower() for p in parts]
    if words == ["providers"] or words[:1] == ["providers"] and words[2:] in ([], ["register"]):
        return providers(subscription, parts)
    if words == ["resourcegroups"]:
        groups = state.groups.get(subscription, {})
        return Response(200, {"value": list(groups.values())})
    if len(words) == 2 and words[0] == "resourcegroups":
        return group(state, request, subscription, parts[1])
    if len(words) == 6 and words[2:5] == ["providers", "microsoft.storage", "storageaccounts"]:
        return account(state, subscription, parts[1], words[5])
    if len(words) >= 6 and words[2:5] == ["providers", "microsoft.managedidentity", "userassignedidentities"]:
        return identities.answer(state, request, f"/subscriptions/{subscription}/{'/'.join(parts[:6])}", parts[6:])
    if len(words) == 3 and words[0] == "resourcegroups" and words[2] == "resources":
        return Response(200, {"value": []})
    raise Failure(404, "InvalidResourceType", f"The resource type '{'/'.join(parts)}' could not be found.")


def providers(subscription, parts):
    rows = [{"id": f"/subscriptions/{subscription}/providers/{n}", "namespace": n, "registrationState": "Registered", "resourceTypes": []}
            for n in ("Microsoft.Resources", "Microsoft.Storage")]
    if len(parts) == 1:
        return Response(200, {"value": rows})
    return Response(200, {**rows[0], "id": f"/subscriptions/{subscription}/providers/{parts[1]}", "namespace": parts[1]})


def group(state, request, subscription, name):
    groups, key = state.groups.setdefault(subscription, {}), name.lower()
    if request.method == "PUT":
        body, new = request.json, key not in groups
        if not isinstance(body, dict) or not body.get("location"):
            raise Failure(400, "LocationRequired", "The location property is required for this definition.")
        groups[key] = {"id": f"/subscriptions/{subscription}/resourceGroups/{name}", "name": name, "type": "Microsoft.Resources/resourceGroups",
                       "location": body["location"], "tags": body.get("tags", {}), "properties": {"provisioningState": "Succeeded"}}
        return Response(201 if new else 200, groups[key])
    if key not in groups:
        raise Failure(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
    if request.method == "DELETE":  # the real one takes its time: 202 and a place to ask
        del groups[key]
        return Response(200)
    return Response(204) if request.method == "HEAD" else Response(200, groups[key])


def account(state, subscription, group_name, name):
    row = state.accounts.get(name)
    if not row or row["subscription"] != subscription or row["group"].lower() != group_name.lower():
        raise Failure(404, "ResourceNotFound", f"The Resource 'Microsoft.Storage/storageAccounts/{name}' under resource group '{group_name}' was not "
                      "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix")
    return Response(200, {"id": f"/subscriptions/{subscription}/resourceGroups/{row['group']}/providers/Microsoft.Storage/storageAccounts/{name}",
                          "name": name, "type": "Microsoft.Storage/storageAccounts", "location": "westeurope", "kind": "StorageV2", "tags": {},
                          "sku": {"name": "Standard_LRS", "tier": "Standard"},
                          "properties": {"provisioningState": "Succeeded", "allowSharedKeyAccess": False,
                                         "primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"}}})


# --- before anybody signs in ---

def metadata(asked, host, cloud):
    """One cloud: its own shape until 2019, then a list, and one object again since 2022."""
    name, suffix, graph, registries, portal = CLOUDS[cloud]
    login, audiences = f"https://{cloud}", [a + "/" for a in reversed(AUDIENCES[cloud])]
    if asked < "2019":
        return {"galleryEndpoint": "https://gallery.azure.com/", "graphEndpoint": "https://graph.windows.net/",
                "portalEndpoint": f"https://portal.{portal}/", "authentication": {"loginEndpoint": login + "/", "audiences": audiences}}
    row = {"portal": f"https://portal.{portal}", "name": name, "resourceManager": f"https://{host}/", "graph": "https://graph.windows.net/",
           "authentication": {"loginEndpoint": login, "audiences": audiences, "tenant": "common", "identityProvider": "AAD"},
           "graphAudience": "https://graph.windows.net/", "microsoftGraphResourceId": graph, "gallery": "https://gallery.azure.com/",
           "media": "https://rest.media.azure.net", "batch": f"https://batch.core.{suffix}/", "sqlManagement": f"https://management.core.{suffix}:8443/",
           "activeDirectoryDataLake": "https://datalake.azure.net/", "ossrDbmsResourceId": "https://ossrdbms-aad.database." + suffix,
           "logAnalyticsResourceId": "https://api.loganalytics.io", "attestationResourceId": "https://attest.azure.net",
           "synapseAnalyticsResourceId": "https://dev.azuresynapse.net", "appInsightsResourceId": "https://api.applicationinsights.io",
           "appInsightsTelemetryChannelResourceId": "https://dc.applicationinsights.azure.com/v2/track",
           "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-templates/aliases.json",
           "suffixes": {"acrLoginServer": registries, "keyVaultDns": f"vault.{portal.replace('azure.com', 'azure.net')}", "storage": f"core.{suffix}",
                        "sqlServerHostname": f"database.{suffix}", "azureFrontDoorEndpointSuffix": "azurefd.net", "mhsmDns": "managedhsm.azure.net",
                        "storageSyncEndpointSuffix": "afs.azure.net", "mysqlServerEndpoint": "mysql.database.azure.com",
                        "postgresqlServerEndpoint": "postgres.database.azure.com", "mariadbServerEndpoint": "mariadb.database.azure.com",
                        "azureDataLakeStoreFileSystem": "azuredatalakestore.net", "synapseAnalytics": "dev.azuresynapse.net",
                        "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net", "attestationEndpoint": "attest.azure.net"}}
    return [row] if asked < "2022" else row
