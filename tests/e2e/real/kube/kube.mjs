// A program that uses @kubernetes/client-node: one client for its whole life, made of the kubeconfig. It does what each line of stdin asks
// (whoami, namespaces) and answers with a line of JSON, as ../clientgo does.
//
//     NODE_PATH=.../node_modules node kube.mjs
import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(import.meta.url); // import knows no NODE_PATH
const { AuthenticationV1Api, CoreV1Api, KubeConfig } = await import(require.resolve("@kubernetes/client-node"));
const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api), authentication = config.makeApiClient(AuthenticationV1Api);
const actions = {
  async whoami() {
    const { username, groups } = (await authentication.createSelfSubjectReview({ body: {} })).status.userInfo;
    return { user: username, groups };
  },
  async namespaces() {
    return { names: (await core.listNamespace()).items.map((one) => one.metadata.name) };
  },
};
for await (const line of readline.createInterface({ input: process.stdin })) {
  const answer = await actions[line]().catch((e) => ({ error: `${e.name}: ${e.message}` }));
  console.log(JSON.stringify(answer));
}
