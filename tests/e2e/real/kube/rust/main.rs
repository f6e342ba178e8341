// A program that uses kube-rs: one client for its whole life, made of the kubeconfig. It does what each line of stdin asks (whoami, namespaces)
// and answers with a line of JSON, as ../../clientgo does.
use serde_json::{json, Value};
use tokio::io::AsyncBufReadExt;

async fn ask(client: &kube::Client, method: &str, path: &str, body: Value) -> Result<Value, Box<dyn std::error::Error>> {
    let request = http::Request::builder().method(method).uri(path).header("Content-Type", "application/json");
    let body = if body.is_null() { vec![] } else { serde_json::to_vec(&body)? };
    Ok(client.request(request.body(body)?).await?)
}

async fn answer(client: &kube::Client, line: &str) -> Result<Value, Box<dyn std::error::Error>> {
    if line == "namespaces" {
        let list = ask(client, "GET", "/api/v1/namespaces", Value::Null).await?;
        let names: Vec<&Value> = list["items"].as_array().ok_or("no list")?.iter().map(|one| &one["metadata"]["name"]).collect();
        return Ok(json!({ "names": names }));
    }
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let said = &ask(client, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review).await?["status"]["userInfo"];
    Ok(json!({"user": said["username"], "groups": said["groups"]}))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = kube::Client::try_default().await?;
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        println!("{}", answer(&client, &line).await.unwrap_or_else(|e| json!({"error": e.to_string()})));
    }
    Ok(())
}
