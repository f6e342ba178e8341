"""How Entra says no: code -> (HTTP status, error, text). Wording as in recorded answers; unknown codes get a general text."""
LEARN = " https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
NO_MATCH = "No matching federated identity record found for presented assertion {what} '{value}'. "
CHECK = "Check your federated identity credential Subject, Audience and Issuer against the presented assertion." + LEARN

REFUSALS = {
    900561: (400, "invalid_request", "The endpoint only accepts POST requests. Received a {method} request."),
    900144: (400, "invalid_request", "The request body must contain the following parameter: '{name}'."),
    9000411: (400, "invalid_request", "The request is not properly formatted. The parameter '{name}' is duplicated."),
    90002: (400, "invalid_request", "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into "
            "the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."),
    900023: (400, "invalid_request", "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."),
    9001023: (400, "invalid_request", "The grant type is not supported over the /common or /consumers endpoints. Please use the "
              "/organizations or tenant-specific endpoint."),
    50194: (400, "unauthorized_client", "Application '{client}' is not configured as a multi-tenant application. Usage of the /common "
            "endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application "
            "to be multi-tenant."),
    50049: (400, "invalid_instance", "Unknown or invalid instance."),
    700016: (400, "unauthorized_client", "Application with identifier '{client}' was not found in the directory '{directory}'. This can "
             "happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "
             "You may have sent your authentication request to the wrong tenant."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type '{grant}'."),
    70016: (400, "authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue polling."),
    70011: (400, "invalid_scope", "The provided value for the input parameter 'scope' is not valid. The scope '{scope}' is not valid."),
    1002012: (400, "invalid_scope", "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
              "/.default suffixed to the resource identifier (application ID URI)."),
    700022: (400, "invalid_scope", "The provided value for the input parameter scope is not valid because it contains more than one resource. "
             "Scope {scope} is not valid."),
    500011: (400, "invalid_resource", "The resource principal named {resource} was not found in the tenant named {directory}. This can happen "
             "if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might "
             "have sent your authentication request to the wrong tenant."),
    7000218: (401, "invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."),
    7000215: (401, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
              "not the client secret ID, for a secret added to app '{client}'."),
    50027: (400, "invalid_request", "JWT token is invalid or malformed."),
    5002710: (400, "invalid_request", "Invalid JWT token: JWT header malformed."),
    5002738: (400, "invalid_request", "Invalid JWT token. '{alg}' is not a supported signature algorithm. Supported signing algorithms "
              "are: 'RS256'."),
    700027: (401, "invalid_client", "The certificate with identifier used to sign the client assertion is not registered on application. "
             "[Reason - {reason}] Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id "
             "'{client}'. Alternatively, SNI may be configured on the app."),
    700021: (401, "invalid_client", "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at "
             "https://learn.microsoft.com/entra/identity-platform/certificate-credentials"),
    700023: (401, "invalid_client", "Client assertion audience claim does not match Realm issuer. Review the documentation at "
             "https://learn.microsoft.com/entra/identity-platform/certificate-credentials"),
    70025: (401, "invalid_client", "The client '{client}' has no configured federated identity credentials." + LEARN),
    700211: (401, "invalid_client", NO_MATCH + "Please " + CHECK[0].lower() + CHECK[1:]),
    700212: (401, "invalid_client", NO_MATCH + "Please " + CHECK[0].lower() + CHECK[1:]),
    700213: (401, "invalid_client", NO_MATCH + CHECK),
    7002138: (401, "invalid_client", NO_MATCH + "The subject matches with case-insensitive comparison, but not with case-sensitive "
              "comparison. " + CHECK),
    7002137: (401, "invalid_client", NO_MATCH + "The assertion was issued by Microsoft Entra ID: the subject of the federated identity "
              "credential must have the form '/eid1/c/pub/t/{{tenantId}}/...'. " + CHECK),
    700222: (401, "invalid_client", "AAD-issued tokens may not be used for federated identity flows."),
    700226: (401, "invalid_client", "Only managed identities' tokens may be used for federated identity flows of this application."),
    700227: (401, "invalid_client", "The issuer '{value}' of the presented assertion is not the v2.0 issuer of this tenant."),
    700236: (401, "invalid_client", "Entra ID tokens issued by issuer '{value}' may not be used for federated identity credential flows for "
             "applications or managed identities registered in this tenant."),
    7000272: (401, "invalid_client", "The certificate with identifier {kid} used to sign the federated credential could not be found in the "
              "metadata of identity provider {issuer}. Please validate that your Identity Provider's metadata exposes the key used to sign "
              "the incoming token."),
    50166: (400, "invalid_request", "Request to External OIDC endpoint failed."),
    700024: (401, "invalid_client", "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {nbf}, "
             "expiry time of assertion {exp}. Review the documentation at "
             "https://learn.microsoft.com/entra/identity-platform/certificate-credentials"),
    # never the judge's own; for the fault "aadsts"
    90055: (429, "temporarily_unavailable", "The tenant has exceeded the limits for requests. Retry later."),
    50196: (400, "invalid_grant", "The server terminated an operation because it encountered a client request loop. Please contact your app vendor."),
    53003: (400, "invalid_grant", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."),
    7000222: (401, "invalid_client", "The provided client secret keys for app '{client}' are expired."),
    90033: (503, "temporarily_unavailable", "A transient error has occurred. Please try again."),
    700238: (401, "invalid_client", "The federated identity credential's issuer is restricted by a tenant policy."),
    7002381: (401, "invalid_client", "The presented assertion's enterprise claim is not among the values that this tenant's policy allows."),
    70021: (400, "invalid_request", "No matching federated identity record found for presented assertion. Assertion Issuer: '{issuer}'. "
            "Assertion Subject: '{subject}'. Assertion Audience: '{audience}'."),
}
FALLBACK = (400, "invalid_request", "The request was refused.")


class Refused(Exception):
    def __init__(self, code, **facts):
        super().__init__(code)
        self.code, self.facts = code, facts


class _Blank(dict):
    def __missing__(self, key):
        return "{" + key + "}"


def describe(code, facts):
    """(status, error, text)"""
    status, error, text = REFUSALS.get(code, FALLBACK)
    return status, error, text.format_map(_Blank(facts))
