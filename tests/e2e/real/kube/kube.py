"""A program that uses the official Python client: one client for its whole life, made of the kubeconfig. It does what each line of stdin asks
(whoami, namespaces) and answers with a line of JSON, as ../clientgo does. The distribution's (22.6) knows no SelfSubjectReview: it is asked for by its path."""
import json
import sys

from kubernetes import client, config

PATH = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def whoami(api):
    if hasattr(client, "V1SelfSubjectReview"):
        said = client.AuthenticationV1Api(api).create_self_subject_review(client.V1SelfSubjectReview()).status.user_info
        return {"user": said.username, "groups": said.groups}
    said = api.call_api(PATH, "POST", body=REVIEW, auth_settings=["BearerToken"], response_type="object", _return_http_data_only=True)["status"]["userInfo"]
    return {"user": said["username"], "groups": said["groups"]}


def namespaces(api):
    return {"names": [one.metadata.name for one in client.CoreV1Api(api).list_namespace().items]}


api = config.new_client_from_config()
for line in iter(sys.stdin.readline, ""):
    try:
        answer = {"whoami": whoami, "namespaces": namespaces}[line.strip()](api)
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
