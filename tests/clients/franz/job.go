// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

type client struct {
	ID             string `json:"id"`
	Security       string `json:"security"`
	Mechanism      string `json:"mechanism"`
	Username       string `json:"username"`
	Password       string `json:"password"`
	Token          bool   `json:"token"`
	CA             string `json:"ca"`
	Certificate    string `json:"certificate"`
	Key            string `json:"key"`
	VerifyHostname *bool  `json:"verify_hostname"`
}

type record struct {
	Key       *string      `json:"key"`
	Value     *string      `json:"value"`
	Headers   [][2]*string `json:"headers"`
	Timestamp *int64       `json:"timestamp"`
	Partition *int32       `json:"partition"`
}

type transaction struct {
	Commit  bool     `json:"commit"`
	Records []record `json:"records"`
}

// The fields of tests/clients/README.md.
type seek struct {
	After int   `json:"after"`
	To    int64 `json:"to"`
}

type job struct {
	Bootstrap string `json:"bootstrap"`
	Client    client `json:"client"`
	Topic     string `json:"topic"`
	TimeoutMS int    `json:"timeout_ms"`

	Acks            json.RawMessage `json:"acks"`
	Compression     string          `json:"compression"`
	Idempotent      *bool           `json:"idempotent"`
	TransactionalID string          `json:"transactional_id"`
	Transactions    []transaction   `json:"transactions"`
	Records         []record        `json:"records"`
	LingerMS        *int            `json:"linger_ms"`
	BatchBytes      int32           `json:"batch_bytes"`
	MaxRequestBytes int32           `json:"max_request_bytes"`
	OneBatch        bool            `json:"one_batch"`
	BatchRecords    int             `json:"batch_records"`

	Group             string          `json:"group"`
	GroupProtocol     string          `json:"group_protocol"`
	Share             bool            `json:"share"`
	Isolation         string          `json:"isolation"`
	Start             json.RawMessage `json:"start"`
	Count             *int            `json:"count"`
	IdleMS            int             `json:"idle_ms"`
	Commit            *bool           `json:"commit"`
	FetchMinBytes     int32           `json:"fetch_min_bytes"`
	FetchMaxBytes     int32           `json:"fetch_max_bytes"`
	PartitionMaxBytes int32           `json:"partition_max_bytes"`
	MaxWaitMS         int             `json:"max_wait_ms"`
	MaxPollRecords    int             `json:"max_poll_records"`
	Seek              *seek           `json:"seek"`
	ReportRetriable   bool            `json:"report_retriable"`

	number int
	exit   int
}

func (j *job) run(verb string) {
	ctx, cancel := context.WithTimeout(context.Background(), j.timeout())
	defer cancel()
	var err error
	switch verb {
	case "produce":
		err = j.produce(ctx)
	case "consume":
		err = j.consume(ctx)
	default:
		err = fmt.Errorf("no such verb: %q", verb)
	}
	if err != nil {
		j.fail(err, nil)
	}
	j.answer(map[string]any{"exit": j.exit})
}

func (j *job) timeout() time.Duration {
	return time.Duration(j.TimeoutMS) * time.Millisecond
}

func (j *job) answer(fields map[string]any) {
	fields["job"] = j.number
	write(fields)
}

func (j *job) fail(err error, fields map[string]any) {
	j.exit = 3
	if fields == nil {
		fields = map[string]any{}
	}
	name, code := "CLIENT", -1
	var known *kerr.Error
	if errors.As(err, &known) {
		name, code = known.Message, int(known.Code)
	}
	fields["error"], fields["code"], fields["message"] = name, code, err.Error()
	j.answer(fields)
}

func (j *job) acks() string {
	return strings.Trim(string(j.Acks), `"`)
}

func (j *job) options() ([]kgo.Opt, error) {
	id := j.Client.ID
	if id == "" {
		id = "test-franz"
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(j.Bootstrap, ",")...),
		kgo.ClientID(id),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.RetryTimeout(j.timeout()),
	}
	if strings.HasSuffix(strings.ToLower(j.Client.Security), "ssl") {
		settings, err := j.tls()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.DialTLSConfig(settings))
	}
	if mechanism := j.mechanism(); mechanism != nil {
		options = append(options, kgo.SASL(mechanism))
	}
	return options, nil
}

func (j *job) tls() (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if j.Client.CA != "" {
		text, err := os.ReadFile(j.Client.CA)
		if err != nil {
			return nil, err
		}
		settings.RootCAs = x509.NewCertPool()
		settings.RootCAs.AppendCertsFromPEM(text)
	}
	if j.Client.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(j.Client.Certificate, j.Client.Key)
		if err != nil {
			return nil, err
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	if j.Client.VerifyHostname != nil && !*j.Client.VerifyHostname {
		settings.InsecureSkipVerify = true
		settings.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(settings.RootCAs, state) }
	}
	return settings, nil
}

// The certificate's chain is still checked where its name is not.
func verifyChain(roots *x509.CertPool, state tls.ConnectionState) error {
	between := x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		between.AddCert(certificate)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

func (j *job) mechanism() sasl.Mechanism {
	user, password := j.Client.Username, j.Client.Password
	switch j.Client.Mechanism {
	case "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password, IsToken: j.Client.Token}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password, IsToken: j.Client.Token}.AsSha512Mechanism()
	case "OAUTHBEARER":
		return oauth.Auth{Token: unsecuredToken(user)}.AsMechanism()
	}
	return nil
}

// A JSON web token without a signature, as Kafka's unsecured validator takes it.
func unsecuredToken(user string) string {
	now := time.Now().Unix()
	claims, _ := json.Marshal(map[string]any{"sub": user, "iat": now, "exp": now + 3600})
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(claims) + "."
}

func decode(text *string) []byte {
	if text == nil {
		return nil
	}
	bytes, err := base64.StdEncoding.DecodeString(*text)
	if err != nil {
		panic(err)
	}
	// A slice that is empty but not nil is an empty value; nil is none.
	return append([]byte{}, bytes...)
}

func encode(bytes []byte) any {
	if bytes == nil {
		return nil
	}
	return base64.StdEncoding.EncodeToString(bytes)
}
