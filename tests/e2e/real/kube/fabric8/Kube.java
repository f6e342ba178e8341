// A program that uses fabric8's client: one client for its whole life, made of the kubeconfig. It does what each line of stdin asks (whoami,
// namespaces) and answers with a line of JSON, as ../../clientgo does.
import io.fabric8.kubernetes.api.model.authentication.SelfSubjectReview;
import io.fabric8.kubernetes.api.model.authentication.SelfSubjectReviewBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;

public class Kube {
    static Map<String, Object> answer(KubernetesClient client, String line) {
        if (line.equals("namespaces")) {
            return Map.of("names", client.namespaces().list().getItems().stream().map(one -> one.getMetadata().getName()).toList());
        }
        SelfSubjectReview said = client.resource(new SelfSubjectReviewBuilder().build()).create();
        return Map.of("user", said.getStatus().getUserInfo().getUsername(), "groups", said.getStatus().getUserInfo().getGroups());
    }

    public static void main(String[] args) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        try (KubernetesClient client = new KubernetesClientBuilder().build()) {
            for (String line; (line = lines.readLine()) != null;) {
                Map<String, Object> answer;
                try {
                    answer = answer(client, line);
                } catch (Exception e) {
                    answer = Map.of("error", e.toString());
                }
                System.out.println(Serialization.jsonMapper().writeValueAsString(answer));
            }
        }
    }
}
