// Microsoft's azidentity for Go asks one credential for a token, and says in a line of JSON whose it is. So does HashiCorp's
// go-azure-sdk, by which Terraform's azurerm provider and backend sign in (terraform), with the provider's own variables.
//
//	sdk cli|azd|mi|wi|default|terraform [SCOPE [TENANT, or CLIENT for mi]]
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/environments"
)

func credential(which, who string) (azcore.TokenCredential, error) {
	switch which {
	case "cli":
		return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: who})
	case "azd":
		return azidentity.NewAzureDeveloperCLICredential(&azidentity.AzureDeveloperCLICredentialOptions{TenantID: who})
	case "mi":
		options := &azidentity.ManagedIdentityCredentialOptions{}
		if who != "" {
			options.ID = azidentity.ClientID(who)
		}
		return azidentity.NewManagedIdentityCredential(options)
	case "wi":
		return azidentity.NewWorkloadIdentityCredential(nil)
	case "default":
		return azidentity.NewDefaultAzureCredential(nil)
	}
	return nil, fmt.Errorf("no such credential: %s", which)
}

func ask(which, scope, who string) (string, time.Time, error) {
	ctx := context.Background()
	if which == "terraform" {
		return terraform(ctx, strings.TrimSuffix(scope, "/.default"))
	}
	c, err := credential(which, who)
	if err != nil {
		return "", time.Time{}, err
	}
	t, err := c.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	return t.Token, t.ExpiresOn, err
}

// As the provider reads its variables: the first way that is on and whole.
func terraform(ctx context.Context, resource string) (string, time.Time, error) {
	on := func(name string) bool { return os.Getenv(name) == "true" }
	cloud := environments.AzurePublic()
	authorizer, err := auth.NewAuthorizerFromCredentials(ctx, auth.Credentials{
		Environment: *cloud, ClientID: os.Getenv("ARM_CLIENT_ID"), TenantID: os.Getenv("ARM_TENANT_ID"),
		EnableAuthenticatingUsingManagedIdentity: on("ARM_USE_MSI"), CustomManagedIdentityEndpoint: os.Getenv("ARM_MSI_ENDPOINT"),
		EnableAuthenticationUsingGitHubOIDC: on("ARM_USE_OIDC"), OIDCTokenRequestURL: os.Getenv("ARM_OIDC_REQUEST_URL"),
		OIDCTokenRequestToken: os.Getenv("ARM_OIDC_REQUEST_TOKEN"), EnableAuthenticatingUsingAzureCLI: os.Getenv("ARM_USE_CLI") != "false",
		AzureCliSubscriptionIDHint: os.Getenv("ARM_SUBSCRIPTION_ID"),
	}, environments.NewApiEndpoint("asked", resource, nil).WithResourceIdentifier(resource))
	if err != nil {
		return "", time.Time{}, err
	}
	t, err := authorizer.Token(ctx, nil)
	if err != nil {
		return "", time.Time{}, err
	}
	return t.AccessToken, t.Expiry, nil
}

func version(which string) string {
	module := "github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	if which == "terraform" {
		module = "github.com/hashicorp/go-azure-sdk/sdk"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "?"
}

func main() {
	args := append(os.Args[1:], "", "", "")
	if args[1] == "" {
		args[1] = "https://management.azure.com/.default"
	}
	token, expires, err := ask(args[0], args[1], args[2])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", reflect.TypeOf(err), err)
		os.Exit(1)
	}
	var claims struct {
		Sub, Aud, Appid, Azp string
		Exp                  int64
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(body, &claims)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "not a JWT: %v\n", err)
		os.Exit(1)
	}
	sdk := map[string]string{"terraform": "terraform's"}[args[0]]
	if sdk == "" {
		sdk = "go"
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"sdk": sdk, "version": version(args[0]), "subject": claims.Sub,
		"app": claims.Appid + claims.Azp, "aud": claims.Aud, "exp": claims.Exp, "expires_on": expires.Unix()})
}
