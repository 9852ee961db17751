package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	headLimit    = 16 << 10
	contentLimit = 4 << 10
	margin       = 30 * time.Second // for the handshakes, besides the wait for the peer
)

// Identity is who a function is, and the CA of the relay and the peers.
type Identity struct {
	Certificate tls.Certificate
	CA          *x509.CertPool
}

// Wish is what is asked for: the peer, and the fields of PROTOCOL.md, section 5.
type Wish struct {
	Peer      string
	Transport string // raw or tls
	Channel   int    // 1 to 65535
	Wait      time.Duration
	// Pipelined sends close_notify along with the request: reads are record-exact, so there is nothing to wait for.
	Pipelined bool
}

// Session is mTLS with the peer, which is verified. Read gives io.EOF after the peer's close_notify, and only then;
// CloseWrite ends this direction alone.
type Session struct {
	*tls.Conn
	Role, ID string
}

// Refused is the relay's answer where it is not a 200.
type Refused struct{ Answer *http.Response }

func (r *Refused) Error() string {
	content, _ := io.ReadAll(io.LimitReader(r.Answer.Body, contentLimit))
	return fmt.Sprintf("refused: %s, %s: %q", r.Answer.Status, r.Answer.Header.Get("Proxy-Status"), content)
}

// Connect meets the peer at the relay ("host:port"). Nothing is left open if it fails.
func Connect(ctx context.Context, relay string, identity Identity, wish Wish) (session *Session, err error) {
	ctx, cancel := context.WithTimeout(ctx, wish.Wait+margin)
	defer cancel()
	tcp, err := (&net.Dialer{}).DialContext(ctx, "tcp", relay)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			tcp.Close()
		}
	}()
	stop := closeWhenDone(ctx, tcp)
	defer stop()

	outer, err := dialTLS(ctx, tcp, relay, identity)
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(outer, request(wish)); err != nil {
		return nil, err
	}
	var link net.Conn = outer
	if wish.Transport == "raw" {
		if link, err = detach(tcp, outer, wish.Pipelined); err != nil {
			return nil, err
		}
	}
	answer, err := readAnswer(link, wish)
	if err != nil {
		return nil, err
	}
	role := answer.Header.Get("Relay-Role")
	inner := secure(cutOff{link}, role, identity, wish.Peer)
	if err = inner.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return &Session{inner, role, answer.Header.Get("Relay-Session")}, nil
}

func dialTLS(ctx context.Context, tcp net.Conn, relay string, identity Identity) (*tls.Conn, error) {
	host, _, err := net.SplitHostPort(relay)
	if err != nil {
		return nil, err
	}
	outer := tls.Client(&recordConn{Conn: cutOff{tcp}}, &tls.Config{
		MinVersion:   tls.VersionTLS13,
		ServerName:   host,
		RootCAs:      identity.CA,
		Certificates: []tls.Certificate{identity.Certificate},
		NextProtos:   []string{"http/1.1"},
	})
	return outer, outer.HandshakeContext(ctx)
}

func request(wish Wish) string {
	target := url.QueryEscape(wish.Peer) + ":" + strconv.Itoa(wish.Channel)
	return fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %s\r\nRelay-Transport: %s\r\nPrefer: wait=%d\r\n\r\n",
		target, target, wish.Transport, int(wish.Wait.Seconds()))
}

// detach takes the outer TLS off. What is read from tcp afterwards begins behind the relay's close_notify.
func detach(tcp net.Conn, outer *tls.Conn, pipelined bool) (net.Conn, error) {
	if pipelined {
		if err := closeWrite(tcp, outer); err != nil {
			return nil, err
		}
	}
	// io.EOF at once: close_notify, admitted. Anything else inside TLS is a refusal.
	inside := bufio.NewReaderSize(outer, headLimit)
	if _, err := inside.Peek(1); err == nil {
		return nil, refusal(inside)
	} else if err != io.EOF {
		return nil, fmt.Errorf("dropped: %w", err)
	}
	if pipelined {
		return tcp, nil
	}
	return tcp, closeWrite(tcp, outer)
}

// closeWrite sends close_notify. crypto/tls then sets a write deadline in the past on the connection below, so that
// nothing can follow; here the session follows.
func closeWrite(tcp net.Conn, outer *tls.Conn) error {
	if err := outer.CloseWrite(); err != nil {
		return err
	}
	return tcp.SetWriteDeadline(time.Time{})
}

func readAnswer(link net.Conn, wish Wish) (*http.Response, error) {
	answer, err := http.ReadResponse(bufio.NewReader(oneByte{link}), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, fmt.Errorf("the relay is gone, or no relay: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		// A CONNECT's answer has no content for net/http; this one's is what follows.
		answer.Body = io.NopCloser(io.LimitReader(link, answer.ContentLength))
		return nil, &Refused{answer}
	}
	for field, asked := range map[string]string{"Relay-Transport": wish.Transport, "Relay-Peer": wish.Peer} {
		if answer.Header.Get(field) != asked {
			return nil, fmt.Errorf("%s is %q, not %q", field, answer.Header.Get(field), asked)
		}
	}
	if role := answer.Header.Get("Relay-Role"); role != "client" && role != "server" {
		return nil, fmt.Errorf("Relay-Role is %q", role)
	}
	return answer, nil
}

func refusal(inside *bufio.Reader) error {
	answer, err := http.ReadResponse(inside, nil)
	if err != nil {
		return fmt.Errorf("no answer of a relay: %w", err)
	}
	return &Refused{answer}
}

// secure lays the inner TLS over link: both ends show a certificate, and each looks for the other's name in it.
func secure(link net.Conn, role string, identity Identity, peer string) *tls.Conn {
	config := &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{identity.Certificate},
		// Chain and name are verified below, by the same rule on both sides. It is not HTTPS's.
		InsecureSkipVerify:     true,
		ClientAuth:             tls.RequireAnyClientCert,
		VerifyConnection:       func(state tls.ConnectionState) error { return verify(state, identity.CA, peer) },
		SessionTicketsDisabled: true,
	}
	if role == "server" {
		return tls.Server(link, config)
	}
	return tls.Client(link, config)
}

// verify is the proof. A relay's certificate is not for TLS clients, so it never passes for a function's.
func verify(state tls.ConnectionState, ca *x509.CertPool, peer string) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the other end sent no certificate")
	}
	leaf, intermediates := state.PeerCertificates[0], x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		intermediates.AddCert(certificate)
	}
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: ca, Intermediates: intermediates, KeyUsages: usages}); err != nil {
		return err
	}
	names := namesOf(leaf)
	for _, name := range names {
		if name == peer {
			return nil
		}
	}
	return fmt.Errorf("%s is not among %q", peer, names)
}

// namesOf keeps to PROTOCOL.md, section 4.2: URI names if there are any, else DNS names, else the common name.
func namesOf(certificate *x509.Certificate) []string {
	var uris []string
	spiffe := false
	for _, uri := range certificate.URIs {
		uris = append(uris, uri.String())
		spiffe = spiffe || uri.Scheme == "spiffe"
	}
	switch {
	case len(uris) > 1 && spiffe:
		return nil
	case len(uris) > 0:
		return uris
	case len(certificate.DNSNames)+len(certificate.IPAddresses)+len(certificate.EmailAddresses) > 0:
		return certificate.DNSNames
	default:
		return []string{certificate.Subject.CommonName}
	}
}

// oneByte keeps a bufio.Reader from reading ahead: it never gets more than it asked for last.
type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return r.Reader.Read(p[:1])
}

// closeWhenDone closes the connection when ctx is over, so that no read or write outlives the deadline.
func closeWhenDone(ctx context.Context, connection net.Conn) (stop func()) {
	finished := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			connection.Close()
		case <-finished:
		}
	}()
	return func() { close(finished) }
}
