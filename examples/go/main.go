// One end of a route: says a line, hears a line, and takes leave. It says on standard output how far it has come, a line
// each, and ends with 0 only if all went well.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	relay := flag.String("relay", "", "HOST:PORT")
	cert := flag.String("cert", "", "own certificate, a PEM file")
	key := flag.String("key", "", "its key")
	ca := flag.String("ca", "", "CA of the relay and of the peer")
	message := flag.String("message", "", "what is said to the peer")
	wish := Wish{Channel: 443, Wait: 60 * time.Second}
	flag.StringVar(&wish.Peer, "peer", "", "the name of the function to meet")
	flag.StringVar(&wish.Transport, "transport", "raw", "raw or tls")
	flag.BoolVar(&wish.Pipelined, "pipelined", false, "send close_notify without waiting for the relay's")
	flag.Parse()

	identity, err := load(*cert, *key, *ca)
	if err != nil {
		return err
	}
	session, err := Connect(context.Background(), *relay, identity, wish)
	if err != nil {
		return err
	}
	defer session.Close()
	fmt.Printf("verified %s as %s, session %s\n", wish.Peer, session.Role, session.ID)
	return talk(session, *message)
}

// talk ends its direction, and reads on until the peer has ended the other.
func talk(session *Session, message string) error {
	if _, err := fmt.Fprintln(session, message); err != nil {
		return err
	}
	if err := session.CloseWrite(); err != nil {
		return err
	}
	reader := bufio.NewReader(session)
	line, err := reader.ReadString('\n')
	if err != nil {
		return fmt.Errorf("the peer ended in mid-line, after %q: %w", line, err)
	}
	fmt.Printf("heard %s\n", strings.TrimRight(line, "\r\n"))
	_, err = io.Copy(io.Discard, reader)
	return err
}

func load(cert, key, ca string) (Identity, error) {
	certificate, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return Identity{}, err
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return Identity{}, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return Identity{}, errors.New(ca + " holds no certificate")
	}
	return Identity{certificate, pool}, nil
}
