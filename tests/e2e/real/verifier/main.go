// Would another maker's verifier take these assertions? A line of JSON in, a line out: "ok", or why not. The verifier is zitadel/oidc's for
// JWT assertions (RFC 7523), with the issuer's keys and the subject that the federated credential names; nothing here is of daypass.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

type question struct {
	Assertion, Issuer, Subject, Audience string
	Keys                                 jose.JSONWebKeySet
}

// VerifySignature makes a question the key set of its issuer.
func (q *question) VerifySignature(_ context.Context, jws *jose.JSONWebSignature) ([]byte, error) {
	id, alg := oidc.GetKeyIDAndAlg(jws)
	key, err := oidc.FindMatchingKey(id, oidc.KeyUseSignature, alg, q.Keys.Keys...)
	if err != nil {
		return nil, err
	}
	return jws.Verify(&key)
}

func (q *question) answer() error {
	trusted := op.SubjectCheck(func(claims *oidc.JWTTokenRequest) error {
		if claims.Issuer != q.Issuer || claims.Subject != q.Subject {
			return errors.New("nobody trusts this issuer and subject")
		}
		return nil
	})
	_, err := op.VerifyJWTAssertion(context.Background(), q.Assertion, op.NewJWTProfileVerifierKeySet(q, q.Audience, time.Hour, time.Minute, trusted))
	return err
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var q question
		err := json.Unmarshal(in.Bytes(), &q)
		if err == nil {
			err = q.answer()
		}
		if err == nil {
			fmt.Println("ok")
		} else {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
}
