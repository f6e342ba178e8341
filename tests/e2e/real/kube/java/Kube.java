// A program that uses the official Java client: one client for its whole life, made of the kubeconfig. It does what each line of stdin asks
// (whoami, namespaces) and answers with a line of JSON, as ../../clientgo does.
import io.kubernetes.client.openapi.ApiClient;
import io.kubernetes.client.openapi.JSON;
import io.kubernetes.client.openapi.apis.AuthenticationV1Api;
import io.kubernetes.client.openapi.apis.CoreV1Api;
import io.kubernetes.client.openapi.models.V1SelfSubjectReview;
import io.kubernetes.client.openapi.models.V1UserInfo;
import io.kubernetes.client.util.Config;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;

public class Kube {
    static Map<String, Object> answer(ApiClient client, String line) throws Exception {
        if (line.equals("namespaces")) {
            return Map.of("names", new CoreV1Api(client).listNamespace().execute().getItems().stream().map(one -> one.getMetadata().getName()).toList());
        }
        V1UserInfo said = new AuthenticationV1Api(client).createSelfSubjectReview(new V1SelfSubjectReview()).execute().getStatus().getUserInfo();
        return Map.of("user", said.getUsername(), "groups", said.getGroups());
    }

    public static void main(String[] args) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        ApiClient client = Config.defaultClient();
        for (String line; (line = lines.readLine()) != null;) {
            Map<String, Object> answer;
            try {
                answer = answer(client, line);
            } catch (Exception e) {
                answer = Map.of("error", e.toString());
            }
            System.out.println(JSON.serialize(answer));
        }
    }
}
