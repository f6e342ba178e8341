// Microsoft's azure-identity for Java asks one credential for a token, and says in a line of JSON whose it is.
//
//     java -cp '.../lib/*' Sdk.java cli|azd|mi|wi|default [SCOPE [TENANT, or CLIENT for mi]]
import com.azure.core.credential.AccessToken;
import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.core.util.CoreUtils;
import com.azure.identity.AzureCliCredentialBuilder;
import com.azure.identity.AzureDeveloperCliCredentialBuilder;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import com.azure.identity.WorkloadIdentityCredentialBuilder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Sdk {
    static TokenCredential credential(String which, String who) {
        switch (which) {
            case "cli": return new AzureCliCredentialBuilder().tenantId(who).build();
            case "azd": return new AzureDeveloperCliCredentialBuilder().tenantId(who).build();
            case "mi": return new ManagedIdentityCredentialBuilder().clientId(who).build();
            case "wi": return new WorkloadIdentityCredentialBuilder().build();
            case "default": return new DefaultAzureCredentialBuilder().build();
            default: throw new IllegalArgumentException("no such credential: " + which);
        }
    }

    static String claim(String body, String name) {
        Matcher m = Pattern.compile("\"" + name + "\":\"?([^\",}]*)").matcher(body);
        return m.find() ? m.group(1) : "";
    }

    public static void main(String[] args) {
        String scope = args.length > 1 ? args[1] : "https://management.azure.com/.default", who = args.length > 2 ? args[2] : null;
        try {
            AccessToken token = credential(args[0], who).getTokenSync(new TokenRequestContext().addScopes(scope));
            String body = new String(Base64.getUrlDecoder().decode(token.getToken().split("\\.")[1]), StandardCharsets.UTF_8);
            String version = CoreUtils.getProperties("azure-identity.properties").get("version");
            System.out.printf("{\"sdk\":\"java\",\"version\":\"%s\",\"subject\":\"%s\",\"app\":\"%s\",\"aud\":\"%s\",\"exp\":%s,\"expires_on\":%d}%n", version,
                claim(body, "sub"), claim(body, "appid") + claim(body, "azp"), claim(body, "aud"), claim(body, "exp"), token.getExpiresAt().toEpochSecond());
            System.exit(0); // threads of the HTTP client may linger
        } catch (RuntimeException e) {
            System.err.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            System.exit(1);
        }
    }
}
