package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
)

var errCutOff = errors.New("the connection ended without close_notify: what came before may be only a part")

// cutOff makes an error of the end of the connection. crypto/tls takes an end between two records for close_notify. But
// once it has read a close_notify it does not read on, so whoever finds the end here has not read one.
type cutOff struct{ net.Conn }

func (c cutOff) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = errCutOff
	}
	return n, err
}

const recordHeader = 5 // RFC 8446, section 5.1: content type, version, length

// recordConn gives whoever reads it one TLS record at a time, and never a byte of the next.
//
// crypto/tls asks its connection for as much as it has room for, and keeps what it does not need yet. What follows the
// outer close_notify belongs to the session, so crypto/tls must not get to see it. Once it has reported the end, the
// net.Conn below is exactly behind that close_notify.
type recordConn struct {
	net.Conn
	header [recordHeader]byte
	got    int // bytes of the header that have been read
	left   int // bytes of the record that are still to be given: first those of the header, then the payload
	given  int // bytes of the header that have been given
}

func (c *recordConn) Read(p []byte) (int, error) {
	for c.got < recordHeader {
		n, err := c.Conn.Read(c.header[c.got:])
		c.got += n
		if err != nil {
			return 0, err
		}
		if c.got == recordHeader {
			c.left = int(binary.BigEndian.Uint16(c.header[3:]))
		}
	}
	if c.given < recordHeader {
		n := copy(p, c.header[c.given:])
		c.given += n
		return n, c.nextIfDone()
	}
	if len(p) > c.left {
		p = p[:c.left]
	}
	n, err := c.Conn.Read(p)
	c.left -= n
	if err != nil {
		return n, err
	}
	return n, c.nextIfDone()
}

func (c *recordConn) nextIfDone() error {
	if c.given == recordHeader && c.left == 0 {
		c.got, c.given = 0, 0
	}
	return nil
}
