// A program that uses client-go as controllers do: one client for its whole life, made of the kubeconfig. It does what each line of stdin asks
// (whoami, namespaces) and answers with a line of JSON. fetch_kube.sh builds it in the module that kube-apiserver comes from.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"

	authentication "k8s.io/api/authentication/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

type answer struct {
	User   string   `json:"user,omitempty"`
	Groups []string `json:"groups,omitempty"`
	Names  []string `json:"names,omitempty"`
	Error  string   `json:"error,omitempty"`
}

func whoami(client kubernetes.Interface) (answer, error) {
	said, err := client.AuthenticationV1().SelfSubjectReviews().Create(context.Background(), &authentication.SelfSubjectReview{}, meta.CreateOptions{})
	if err != nil {
		return answer{}, err
	}
	return answer{User: said.Status.UserInfo.Username, Groups: said.Status.UserInfo.Groups}, nil
}

func namespaces(client kubernetes.Interface) (answer, error) {
	list, err := client.CoreV1().Namespaces().List(context.Background(), meta.ListOptions{})
	if err != nil {
		return answer{}, err
	}
	var a answer
	for _, one := range list.Items {
		a.Names = append(a.Names, one.Name)
	}
	return a, nil
}

func main() {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		panic(err)
	}
	client := kubernetes.NewForConfigOrDie(config)
	actions := map[string]func(kubernetes.Interface) (answer, error){"whoami": whoami, "namespaces": namespaces}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		a, err := actions[lines.Text()](client)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		json.NewEncoder(os.Stdout).Encode(a)
	}
}
