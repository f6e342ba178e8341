// Microsoft's @azure/identity for JavaScript asks one credential for a token, and says in a line of JSON whose it is.
//
//     NODE_PATH=.../node_modules node sdk.mjs cli|azd|mi|wi|default [SCOPE [TENANT, or CLIENT for mi]]
import { createRequire } from "node:module";

const require = createRequire(import.meta.url); // import knows no NODE_PATH
const identity = require("@azure/identity");
const [which, scope = "https://management.azure.com/.default", who] = process.argv.slice(2);
const tenant = who ? { tenantId: who } : {};
const credential = {
  cli: () => new identity.AzureCliCredential(tenant),
  azd: () => new identity.AzureDeveloperCliCredential(tenant),
  mi: () => new identity.ManagedIdentityCredential(who ? { clientId: who } : {}),
  wi: () => new identity.WorkloadIdentityCredential(),
  default: () => new identity.DefaultAzureCredential(),
}[which]();
try {
  const token = await credential.getToken(scope);
  const claims = JSON.parse(Buffer.from(token.token.split(".")[1], "base64url"));
  const version = require(require.resolve("@azure/identity").replace(/(@azure.identity).*/, "$1/package.json")).version;
  console.log(JSON.stringify({ sdk: "javascript", version, subject: claims.sub, app: claims.appid ?? claims.azp, aud: claims.aud,
    exp: claims.exp, expires_on: Math.floor(token.expiresOnTimestamp / 1000) }));
} catch (e) {
  console.error(`${e.name}: ${e.message}`);
  process.exitCode = 1;
}
