"""Names and numbers that the stand-in and the tests share. Invented, except for Microsoft's own public ids."""
TENANT = "11111111-1111-4111-8111-111111111111"
TENANT_DOMAIN = "contoso.onmicrosoft.com"
TENANT2 = "22222222-2222-4222-8222-222222222222"
TENANT2_DOMAIN = "fabrikam.onmicrosoft.com"

APP = "aaaaaaaa-0000-4000-8000-000000000001"    # app registration
UAMI = "bbbbbbbb-0000-4000-8000-000000000002"   # user-assigned managed identity
APP2 = "aaaaaaaa-0000-4000-8000-000000000003"   # app registration without any federated credential
FAB = "aaaaaaaa-0000-4000-8000-000000000004"    # app registration in fabrikam's tenant
OPS = "aaaaaaaa-0000-4000-8000-00000000000f"    # who administers: may write applications in Graph, and contributes to SUBSCRIPTION
SECRET = "stand-in-client-secret-0001"          # APP's client secret

AZDO = "499b84ac-1321-427f-aa17-267ca6975798"
AZDO_SCOPE = AZDO + "/.default"
AKS = "6dae42f8-4368-4678-94ff-3960e28e3630"    # the audience of every AKS cluster, in every cloud
AKS_SCOPE = AKS + "/.default"
AKS_CLIENT = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"  # Microsoft's own, for people: what AKS writes into a kubeconfig
ARC = "6256c85f-0aad-4d50-b960-e6e9b21efe35"    # the same of clusters that Arc connects
ARC_SCOPE = ARC + "/.default"
ARM = "https://management.azure.com"
LOB = "api://lob.contoso.test"                  # a company's own API: its tokens are v2
ACR = "https://containerregistry.azure.net"     # the audience of every registry, in every cloud
ACR_SCOPE = ACR + "/.default"

AUDIENCE = "api://AzureADTokenExchange"
AUDIENCE_USGOV = "api://AzureADTokenExchangeUSGov"
AUDIENCE_CHINA = "api://AzureADTokenExchangeChina"
AUDIENCE_GUID = "fb60f99c-7a34-4190-8149-302f77469936"  # the same, as tokens made by Entra itself write it
AUDIENCE_AKS = "api://AKSIdentityBinding"
AKS_SNI = "proxy.ests.aks"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

ORG_ID = "c0c0c0c0-0000-4000-8000-000000000005"
ISSUER = "https://issuer.test"
AKS_ISSUER = "https://aks.issuer.test/"
GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
GHES_ISSUER, GHE_ISSUER = "https://ghes.contoso.test/_services/token", "https://token.actions.contoso.ghe.com"  # GitHub's Enterprise Server, and ghe.com
FORGEJO_ISSUER = "https://forge.contoso.test/api/actions"
VSTOKEN_ISSUER = "https://vstoken.dev.azure.com/" + ORG_ID
ENTRA_ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"

GOOGLE_ISSUER = "https://accounts.google.com"
GOOGLE_ACCOUNT, GOOGLE_OTHER = "machine@shop.iam.gserviceaccount.com", "deploy@shop.iam.gserviceaccount.com"  # the machine's own; one that it may act for
GOOGLE_SUBJECTS = {GOOGLE_ACCOUNT: "112233445566778899000", GOOGLE_OTHER: "112233445566778899001"}

SUBJECT = "system:ci"
OPS_SUBJECT = "system:ops"
GITHUB_SUBJECT = "repo:contoso/shop:ref:refs/heads/main"
AKS_SUBJECT = "system:serviceaccount:ci:builder"
CONNECTION = "d0d0d0d0-0000-4000-8000-000000000006"        # service connection, issuer vstoken
CONNECTION_ENTRA = "d0d0d0d0-0000-4000-8000-000000000007"  # service connection of the newer kind, issuer Entra
CONNECTION_OLD = "d0d0d0d0-0000-4000-8000-000000000010"     # one with a secret, made by Azure DevOps itself
CONNECTION_HAND = "d0d0d0d0-0000-4000-8000-000000000011"    # one with a secret, made by hand
CONNECTION_SHARED = "d0d0d0d0-0000-4000-8000-000000000012"  # as the first, of another project that shares it
CONNECTION_SUBJECT = "sc://contoso/shop/deploy"
CONNECTION_ENTRA_SUBJECT = f"/eid1/c/pub/t/EREREREREUGBERERERERERERE/a/nQC3lT5bVkO4/sc/{ORG_ID}/{CONNECTION_ENTRA}"
PIPELINE_SUBJECT = "p://contoso/shop/1"

GITHUB_URL = "https://run-actions.githubusercontent.com/idtoken?x=1"
GITHUB_REQUEST_TOKEN = "gh-request-token-1"     # any that begins with gh-request-token
PIPELINES_URL = ("https://dev.azure.com/contoso/shop/_apis/distributedtask/hubs/build/plans/"
                 "e0e0e0e0-0000-4000-8000-000000000008/jobs/e0e0e0e0-0000-4000-8000-000000000009/oidctoken")
PIPELINES_TOKEN = "ado-system-token"            # any that begins so

REGISTRY = "contoso.azurecr.io"                 # APP may push, UAMI may pull
REGISTRY2 = "contosodev.azurecr.io"             # the same tenant: APP may pull, UAMI nothing
REGISTRY_FAB = "fabrikam.azurecr.io"            # TENANT2: FAB may push
REGISTRY_PUBLIC = "contosopublic.azurecr.io"    # everybody may pull without a name; UAMI may push, APP has no role
REGISTRY_DNL = "contoso-a1b2c3d4.azurecr.io"    # with a domain name label; APP may push
REGISTRY_EAST = "contoso.eastus.geo.azurecr.io"  # a regional endpoint of REGISTRY
REGISTRY_DATA = "contoso.eastus.data.azurecr.io"  # a data endpoint: wants no credential, and nobody should ask it for one
REGISTRY_USGOV, REGISTRY_CHINA = "contoso.azurecr.us", "contoso.azurecr.cn"  # APP may push
REGISTRY_CUSTOM = "reg.registry.custom.test"    # of the cloud CUSTOM; APP may push
REPOSITORY = "team/app"
ACR_PULL, ACR_PUSH = "AcrPull", "AcrPush"
ACR_USER = "00000000-0000-0000-0000-000000000000"  # whose password is a refresh token
ACR_TOKEN, ACR_TOKEN_PASSWORD = "token1", "stand-in-token-password-0001"  # REGISTRY's token with a scope map: may pull REPOSITORY

CLUSTER = "contoso-dns-a1b2c3d4.hcp.westeurope.azmk8s.io"  # AKS: APP's group GROUP_ADMINS may all, UAMI look; the tenant's others nothing
CLUSTER2 = "contosodev-dns-b2c3d4e5.hcp.westeurope.azmk8s.io"  # AKS, the same tenant: nobody has a role
CLUSTER_FAB = "fabrikam-dns-c3d4e5f6.hcp.northeurope.azmk8s.io"  # AKS, TENANT2: FAB may all
CLUSTER_USGOV = "contoso-dns-d4e5f6a7.hcp.usgovvirginia.cx.aks.containerservice.azure.us"  # APP may all
CLUSTER_OIDC = "kube.contoso.test"              # not Azure: trusts ISSUER and GITHUB_ISSUER for the audience CLUSTER_AUDIENCE
CLUSTER_AUDIENCE = "api://kube.contoso.test"
CLUSTER_ARC = "contoso-arc.kube.test"           # Arc: proof-of-possession tokens for CLUSTER_ARC_ID; APP may all, UAMI look
CLUSTER_ARC_ID = ("/subscriptions/f0f0f0f0-0000-4000-8000-00000000000a/resourceGroups/rg/providers/Microsoft.Kubernetes/"
                  "connectedClusters/contoso-arc")
KUBE_ADMIN, KUBE_VIEW = "cluster-admin", "view"
GROUP_ADMINS, GROUP_DEVS = "abababab-0000-4000-8000-00000000000b", "abababab-0000-4000-8000-00000000000c"

SUBSCRIPTION, SUBSCRIPTION_NAME = "f0f0f0f0-0000-4000-8000-00000000000a", "Contoso Shop"  # APP is a contributor, UAMI a reader
SUBSCRIPTION2 = "f0f0f0f0-0000-4000-8000-00000000000d"  # the same tenant: UAMI is a contributor, APP has no role
SUBSCRIPTION_FAB = "f0f0f0f0-0000-4000-8000-00000000000e"  # TENANT2: FAB is a contributor
ARM_READER, ARM_CONTRIBUTOR = "Reader", "Contributor"
GRAPH_READ, GRAPH_WRITE = "Application.Read.All", "Application.ReadWrite.All"
STORAGE = "contosostate"                        # a storage account, in SUBSCRIPTION and STATE_GROUP: APP may write blobs, UAMI read them
STATE_GROUP, STATE_CONTAINER = "state", "tfstate"
STORAGE_SCOPE = "https://storage.azure.com/.default"
BLOB_READER, BLOB_CONTRIBUTOR = "Storage Blob Data Reader", "Storage Blob Data Contributor"

AWS_ISSUER = "https://0a0a0a0a-0000-4000-8000-00000000000f.tokens.sts.global.api.aws"
AWS_ACCOUNT, AWS_REGION = "123456789012", "eu-west-1"
AWS_ROLE, AWS_USER = f"arn:aws:iam::{AWS_ACCOUNT}:role/deploy", f"arn:aws:iam::{AWS_ACCOUNT}:user/ci"
AWS_VARIABLES = {"AWS_ACCESS_KEY_ID": "ASIASTANDIN000000001", "AWS_SECRET_ACCESS_KEY": "stand/in/secret+key/of/aws/number/000001",
                 "AWS_SESSION_TOKEN": "IQoStandInSessionToken/0001+" + 20 * "aBcD1234" + "=="}  # of AWS_ROLE
AWS_USER_VARIABLES = {"AWS_ACCESS_KEY_ID": "AKIASTANDIN000000002", "AWS_SECRET_ACCESS_KEY": "stand/in/secret+key/of/aws/number/000002"}
AWS_AUDIENCE = "sts.amazonaws.com"              # of the pod's token that AWS_ROLE trusts; its issuer is AKS_ISSUER, its subject AKS_SUBJECT
AWS_CONTAINER_PATH = "/v2/credentials/e0e0e0e0-0000-4000-8000-000000000010"  # ECS, without a token
AWS_POD_PATH, AWS_POD_TOKEN = "/v1/credentials", "stand-in-pod-token-0001"  # EKS Pod Identity

METADATA = "169.254.169.254"
CONTAINER = "169.254.170.2"                     # the end point of ECS
MACHINE_HEADER = "stand-in-identity-header-0001"  # IDENTITY_HEADER of App Service
MACHINE_SECRET = "stand-in-msi-secret-0001"     # MSI_SECRET of Azure ML
UAMI_RESOURCE = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/deploy"

ANONYMOUS = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"  # whom Azure DevOps calls a caller it does not recognise

OIDS = {APP: "cccccccc-0000-4000-8000-000000000001", UAMI: "cccccccc-0000-4000-8000-000000000002",
        APP2: "cccccccc-0000-4000-8000-000000000003", FAB: "cccccccc-0000-4000-8000-000000000004",
        OPS: "cccccccc-0000-4000-8000-00000000000f"}

PUBLIC, USGOV, CHINA = "login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"
CUSTOM = "login.custom.test"
CLOUD_OF = {  # host -> the cloud's preferred host
    PUBLIC: PUBLIC, "login.microsoft.com": PUBLIC, "login.windows.net": PUBLIC, "sts.windows.net": PUBLIC,
    USGOV: USGOV, "login.usgovcloudapi.net": USGOV, CHINA: CHINA, "login.chinacloudapi.cn": CHINA, CUSTOM: CUSTOM}
CLOUD_AUDIENCE = {PUBLIC: AUDIENCE, USGOV: AUDIENCE_USGOV, CHINA: AUDIENCE_CHINA, CUSTOM: AUDIENCE}
EVIL = "evil.test"                              # where a fault's redirect leads: a trap that always says yes
